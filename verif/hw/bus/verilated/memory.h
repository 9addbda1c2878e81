// Memory behind a bus: its words, its pace, its pauses, and who may touch what.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

// Settings of a run, which Python fills.
struct Settings {
    uint64_t base;         // address of the memory's first byte
    uint64_t bad_first;    // addresses that get an error response
    uint64_t bad_last;
    uint64_t first[3];     // what may be read (program, inputs) and written (outputs), last bytes included
    uint64_t last[3];
    uint32_t latency;      // cycles from a request to its first word
    uint32_t jitter;       // up to so many more, by chance; then answers come in any order that the bus allows
    uint32_t pace;         // cycles for each word
    uint32_t outstanding;  // bursts that may wait for their answers
    uint32_t pauses;       // percent of cycles in which nothing is taken or given
    uint32_t seed;
};

class Memory {
public:
    Settings settings{};
    std::vector<uint8_t> bytes;
    uint64_t now = 0, reads = 0, writes = 0;
    std::string problem;  // the first rule that was broken

    // A word, and whether all is well; what is not there is anything.
    bool read(uint64_t address, uint64_t *word, unsigned size) {
        reads++;
        require(within(address, size, 0) || within(address, size, 1), "a read outside its ranges");
        *word = (static_cast<uint64_t>(random()) << 32) | random();
        if (here(address, size)) {
            std::memcpy(word, &bytes[address - settings.base], size);
        }
        return good(address);
    }

    bool write(uint64_t address, uint64_t word, unsigned size) {
        writes++;
        require(within(address, size, 2), "a write outside its range");
        if (here(address, size)) {
            std::memcpy(&bytes[address - settings.base], &word, size);
        }
        return good(address);
    }

    // Whether a word may pass now: one each `pace` cycles, and not in a pause.
    bool port() const { return now >= free_; }
    void take_port() { free_ = now + settings.pace; }
    bool pause() { return random() % 100 < settings.pauses; }
    uint64_t due() { return now + settings.latency + (settings.jitter ? random() % (settings.jitter + 1) : 0); }

    void require(bool right, const char *what) {
        if (!right && problem.empty()) {
            problem = what;
        }
    }

    void seed() { state_ = settings.seed * 2654435761u | 1u; }

    uint32_t random() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 17;
        state_ ^= state_ << 5;
        return state_;
    }

private:
    uint64_t free_ = 0;
    uint32_t state_ = 1;

    bool within(uint64_t address, unsigned size, int range) const {
        return address >= settings.first[range] && address + (size - 1) <= settings.last[range];
    }
    bool here(uint64_t address, unsigned size) const {
        uint64_t at = address - settings.base;
        return at < bytes.size() && size <= bytes.size() - at;
    }
    bool good(uint64_t address) const { return address < settings.bad_first || address > settings.bad_last; }
};
