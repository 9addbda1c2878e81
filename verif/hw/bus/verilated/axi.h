// AXI4 memory and AXI4-Lite host of a top; checks the rules of masters.
#pragma once
#include <deque>
#include "memory.h"
#include "ports.h"


struct Burst {
    uint64_t address;
    unsigned words;
    uint64_t due;
};

// A request or a word as it is offered; once offered, it stays until it is taken.
struct Offer {
    bool valid = false;
    uint64_t value = 0, more = 0;
    bool operator==(const Offer &other) const {
        return valid == other.valid && value == other.value && more == other.more;
    }
};

class Bus {
public:
    Bus(Vtop &top, Memory &memory) : top_(top), memory_(memory) {}

    void forget() {
        for (auto &queue : reads_) queue.clear();
        writes_.clear();
        words_ = written_ = 0;
        good_ = true;
        ar_ = aw_ = w_ = Offer();
        top_.MEMORY(arready) = top_.MEMORY(awready) = top_.MEMORY(wready) = 0;
        top_.MEMORY(rvalid) = top_.MEMORY(bvalid) = 0;
    }

    // The top's inputs for this cycle, from its outputs, which depend on none of them.
    void cycle() {
        memory_.require(!top_.MEMORY(rvalid) || top_.MEMORY(rready), "no room for a word that was asked for");
        requests();
        words();
        answers();
    }

    bool pending() const { return !(reads_[0].empty() && reads_[1].empty() && writes_.empty()); }

    // One step of an access of the host; true when it is done.
    bool host_read(uint32_t address, bool begin, uint32_t *value, bool *good) {
        if (begin) {
            top_.HOST(araddr) = address;
            top_.HOST(arvalid) = top_.HOST(rready) = 1;
        } else if (asked_) {
            top_.HOST(arvalid) = 0;
        }
        asked_ = top_.HOST(arvalid) && top_.HOST(arready);
        if (!top_.HOST(rvalid)) return false;
        *value = top_.HOST(rdata);
        *good = top_.HOST(rresp) == 0;
        return true;
    }

    bool host_write(uint32_t address, uint32_t value, bool begin, bool *good) {
        if (begin) {
            top_.HOST(awaddr) = address;
            top_.HOST(wdata) = value;
            top_.HOST(wstrb) = 15;
            top_.HOST(awvalid) = top_.HOST(wvalid) = top_.HOST(bready) = 1;
        } else if (asked_) {
            top_.HOST(awvalid) = top_.HOST(wvalid) = 0;
        }
        asked_ = top_.HOST(awvalid) && top_.HOST(awready);
        if (!top_.HOST(bvalid)) return false;
        *good = top_.HOST(bresp) == 0;
        return true;
    }

    void host_idle() {
        top_.HOST(arvalid) = top_.HOST(awvalid) = top_.HOST(wvalid) = 0;
        top_.HOST(rready) = top_.HOST(bready) = 0;
    }

private:
    static const unsigned size = sizeof(decltype(Vtop::MEMORY(wdata)));
    Vtop &top_;
    Memory &memory_;
    std::deque<Burst> reads_[2], writes_;
    unsigned words_ = 0, written_ = 0;  // of the burst that is written: those that came
    bool good_ = true, asked_ = false;
    Offer ar_, aw_, w_;

    void held(Offer &before, const Offer &now, bool taken, const char *what) {
        memory_.require(!before.valid || before == now, what);
        before = taken ? Offer() : now;
    }

    Burst burst(uint64_t address, unsigned more, unsigned bytes, unsigned kind) {
        uint64_t last = address + static_cast<uint64_t>(more) * size;
        memory_.require((1u << bytes) == size && kind == 1, "a burst of another kind");
        memory_.require(address % size == 0, "a burst that is not aligned");
        memory_.require(address / 4096 == last / 4096, "a burst across 4 KiB");
        return Burst{address, more + 1, memory_.due()};
    }

    void requests() {
        size_t waiting = reads_[0].size() + reads_[1].size();
        bool ready = waiting < memory_.settings.outstanding && !memory_.pause();
        Offer offer{bool(top_.MEMORY(arvalid)), top_.MEMORY(araddr),
                    top_.MEMORY(arlen) | uint64_t(top_.MEMORY(arid)) << 8 | uint64_t(top_.MEMORY(arburst)) << 16};
        if (offer.valid && ready) {
            reads_[top_.MEMORY(arid)].push_back(
                burst(top_.MEMORY(araddr), top_.MEMORY(arlen), top_.MEMORY(arsize), top_.MEMORY(arburst)));
        }
        held(ar_, offer, ready, "a read's request changed");
        top_.MEMORY(arready) = ready;
        ready = writes_.size() < memory_.settings.outstanding && !memory_.pause();
        offer = Offer{bool(top_.MEMORY(awvalid)), top_.MEMORY(awaddr),
                      top_.MEMORY(awlen) | uint64_t(top_.MEMORY(awburst)) << 16};
        if (offer.valid && ready) {
            writes_.push_back(burst(top_.MEMORY(awaddr), top_.MEMORY(awlen), top_.MEMORY(awsize), top_.MEMORY(awburst)));
        }
        held(aw_, offer, ready, "a write's request changed");
        top_.MEMORY(awready) = ready;
    }

    // Words to write; they may come before their request.
    void words() {
        top_.MEMORY(bvalid) = 0;
        if (!writes_.empty() && written_ == writes_.front().words && memory_.now >= writes_.front().due) {
            top_.MEMORY(bvalid) = 1;
            top_.MEMORY(bresp) = good_ ? 0 : 2;
            memory_.require(top_.MEMORY(bready), "no room for an answer");
            writes_.pop_front();
            written_ = 0;
            good_ = true;
        }
        bool open = !writes_.empty() && written_ < writes_.front().words;
        bool ready = open && memory_.port() && !memory_.pause();
        Offer offer{bool(top_.MEMORY(wvalid)), top_.MEMORY(wdata), uint64_t(top_.MEMORY(wlast))};
        if (offer.valid && ready) {
            Burst &now = writes_.front();
            memory_.require(top_.MEMORY(wstrb) == (1u << size) - 1, "a write of some bytes");
            memory_.require(top_.MEMORY(wlast) == (written_ + 1 == now.words), "the wrong word is the last one");
            good_ &= memory_.write(now.address + uint64_t(size) * written_++, top_.MEMORY(wdata), size);
            if (written_ == now.words) now.due = memory_.due();
            memory_.take_port();
        }
        held(w_, offer, ready, "a word changed");
        top_.MEMORY(wready) = ready;
    }

    // Answers of both identifiers: the older one first, or any if latencies differ.
    void answers() {
        top_.MEMORY(rvalid) = 0;
        bool ready[2];
        for (int id = 0; id < 2; id++) ready[id] = !reads_[id].empty() && memory_.now >= reads_[id].front().due;
        if (!(ready[0] || ready[1]) || !memory_.port() || memory_.pause()) return;
        int id = ready[0] ? 0 : 1;
        if (ready[0] && ready[1]) {
            id = memory_.settings.jitter ? memory_.random() & 1 : reads_[1].front().due < reads_[0].front().due;
        }
        Burst &now = reads_[id].front();
        uint64_t word;
        bool good = memory_.read(now.address, &word, size);
        now.address += size;
        top_.MEMORY(rvalid) = 1;
        top_.MEMORY(rdata) = word;
        top_.MEMORY(rresp) = good ? 0 : 2;
        top_.MEMORY(rid) = id;
        top_.MEMORY(rlast) = --now.words == 0;
        memory_.take_port();
        if (now.words == 0) reads_[id].pop_front();
    }
};
