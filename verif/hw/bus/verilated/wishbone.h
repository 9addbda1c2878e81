// Wishbone memory and host of a top; checks the rules of pipelined masters.
#pragma once
#include <deque>
#include "memory.h"
#include "ports.h"


class Bus {
public:
    Bus(Vtop &top, Memory &memory) : top_(top), memory_(memory) {}

    void forget() {
        answers_.clear();
        stalled_ = open_ = false;
        top_.MEMORY(stall) = top_.MEMORY(ack) = top_.MEMORY(err) = 0;
    }

    // The top's inputs for this cycle, from its outputs, which depend on none of them.
    void cycle() {
        bool asks = top_.MEMORY(stb), writes = top_.MEMORY(we);
        uint64_t address = top_.MEMORY(adr), word = writes ? top_.MEMORY(dat_w) : 0;
        memory_.require(top_.MEMORY(cyc) || !(asks || pending()), "a bus cycle ended early");
        memory_.require(!stalled_ || (asks && address == address_ && word == word_), "a stalled request changed");
        memory_.require(!(top_.MEMORY(cyc) && open_) || writes == writes_, "the direction changed");
        bool room = answers_.size() < memory_.settings.outstanding * size_t(words);
        bool stall = !room || (writes && !memory_.port()) || memory_.pause();
        open_ = top_.MEMORY(cyc);
        stalled_ = asks && stall;
        address_ = address, word_ = word, writes_ = writes;
        if (asks && !stall) request(address * size, writes, word);
        top_.MEMORY(stall) = stall;
        answer();
    }

    bool pending() const { return !answers_.empty(); }

    // One step of an access of the host; true when it is done.
    bool host_read(uint32_t address, bool begin, uint32_t *value, bool *good) {
        return access(address, 0, false, begin, value, good);
    }

    bool host_write(uint32_t address, uint32_t value, bool begin, bool *good) {
        return access(address, value, true, begin, &value, good);
    }

    void host_idle() { top_.HOST(cyc) = top_.HOST(stb) = 0; }

private:
    static const unsigned size = sizeof(decltype(Vtop::MEMORY(dat_w))), words = 16;
    struct Answer {
        uint64_t due;
        uint64_t word;
        bool good, reads;
    };
    Vtop &top_;
    Memory &memory_;
    std::deque<Answer> answers_;
    bool stalled_ = false, open_ = false, writes_ = false;
    uint64_t address_ = 0, word_ = 0;

    void request(uint64_t address, bool writes, uint64_t word) {
        memory_.require(top_.MEMORY(sel) == (1u << size) - 1, "an access to some bytes");
        bool good = writes ? memory_.write(address, word, size) : memory_.read(address, &word, size);
        if (writes) memory_.take_port();
        answers_.push_back(Answer{memory_.due(), word, good, !writes});
    }

    void answer() {
        top_.MEMORY(ack) = top_.MEMORY(err) = 0;
        if (answers_.empty() || memory_.now < answers_.front().due) return;
        Answer &now = answers_.front();
        if (now.reads && (!memory_.port() || memory_.pause())) return;
        if (now.reads) memory_.take_port();
        (now.good ? top_.MEMORY(ack) : top_.MEMORY(err)) = 1;
        top_.MEMORY(dat_r) = now.word;
        answers_.pop_front();
    }

    bool access(uint32_t address, uint32_t value, bool writes, bool begin, uint32_t *found, bool *good) {
        if (begin) {
            top_.HOST(adr) = address / 4;
            top_.HOST(dat_w) = value;
            top_.HOST(we) = writes;
            top_.HOST(sel) = 15;
            top_.HOST(cyc) = top_.HOST(stb) = 1;
            return false;
        }
        top_.HOST(stb) = 0;
        if (!(top_.HOST(ack) || top_.HOST(err))) return false;
        *found = top_.HOST(dat_r);
        *good = top_.HOST(ack);
        return true;
    }
};
