// A bus top in Verilator as a library: a host reads and writes registers, and simulated time passes meanwhile.
#include <cstdint>
#include BUS_HEADER

namespace {
const int PATIENCE = 100;  // cycles for an answer to the host

Vtop top;
Memory memory;
Bus bus(top, memory);
uint64_t refused = 0;

void tick() {
    bus.cycle();
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    memory.now++;
}

template <typename Step> void access(Step step) {
    bool good = true, begin = true;
    for (int left = PATIENCE; !step(begin, &good); begin = false) {
        tick();
        memory.require(--left > 0, "no answer to the host");
        if (left <= 0) break;
    }
    tick();
    bus.host_idle();
    tick();
    refused += !good;
}
}  // namespace

extern "C" {
// The top's reset: the memory forgets what was asked for.
void bench_restart(void) {
    bus.forget();
    bus.host_idle();
    top.rst = 1;
    for (int cycle = 0; cycle < 3; cycle++) {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
    }
    top.rst = 0;
}

// All as new: also the memory's contents.
void bench_reset(const Settings *settings, uint64_t bytes) {
    memory.settings = *settings;
    memory.bytes.assign(bytes, 0);
    memory.problem.clear();
    memory.reads = memory.writes = refused = 0;
    memory.seed();
    bench_restart();
}

void bench_settings(const Settings *settings) { memory.settings = *settings; }

// As the C driver wants them; `user` is not needed.
uint32_t bench_read(void *, uint32_t address) {
    uint32_t value = 0;
    access([&](bool begin, bool *good) { return bus.host_read(address, begin, &value, good); });
    return value;
}

void bench_write(void *, uint32_t address, uint32_t value) {
    access([&](bool begin, bool *good) { return bus.host_write(address, value, begin, good); });
}

void bench_wait(uint32_t cycles) {
    while (cycles--) tick();
}

// Until the interrupt, or for so many cycles; whether it came.
int bench_until_irq(uint64_t cycles) {
    while (cycles-- && !top.irq) tick();
    return top.irq;
}

uint8_t *bench_memory(void) { return memory.bytes.data(); }
const char *bench_problem(void) { return memory.problem.c_str(); }
uint64_t bench_accesses(void) { return memory.reads + memory.writes; }
uint64_t bench_refused(void) { return refused; }
int bench_pending(void) { return bus.pending(); }
}
