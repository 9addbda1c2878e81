#include "stlq.h"

#include "stlq_registers.h"

#define MAGIC 0x514C5453u

static uint32_t word_of(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t read(const stlq_bus *bus, uint32_t address)
{
    return bus->read(bus->user, address);
}

static void write(const stlq_bus *bus, uint32_t address, uint32_t value)
{
    bus->write(bus->user, address, value);
}

int stlq_check(const stlq_bus *bus, const uint8_t header[16])
{
    if ((read(bus, STLQ_VERSION) & STLQ_VERSION_MAP_MASK) != STLQ_MAP_VERSION) {
        return STLQ_NO_ENGINE;
    }
    if (word_of(header) != MAGIC) {
        return STLQ_NO_PROGRAM;
    }
    return read(bus, STLQ_ENGINE) == word_of(header + 8) ? STLQ_OK : STLQ_WRONG_ENGINE;
}

uint32_t stlq_program_length(const uint8_t header[16])
{
    return word_of(header + 12);
}

static void set_range(const stlq_bus *bus, uint32_t first, stlq_range range)
{
    write(bus, first, (uint32_t)range.address);
    write(bus, first + 4u, (uint32_t)(range.address >> 32));
    write(bus, first + 8u, range.length);
}

void stlq_start(const stlq_bus *bus, stlq_range program, stlq_range inputs, stlq_range outputs, int interrupt)
{
    set_range(bus, STLQ_PROGRAM_ADDRESS_LOW, program);
    set_range(bus, STLQ_INPUTS_ADDRESS_LOW, inputs);
    set_range(bus, STLQ_OUTPUTS_ADDRESS_LOW, outputs);
    write(bus, STLQ_CONTROL, STLQ_CONTROL_START_MASK | (interrupt ? STLQ_CONTROL_INTERRUPT_MASK : 0u));
}

int stlq_poll(const stlq_bus *bus, int *result)
{
    uint32_t status = read(bus, STLQ_STATUS);
    *result = (int)((status & STLQ_STATUS_ERROR_MASK) >> STLQ_STATUS_ERROR_BIT);
    return (status & STLQ_STATUS_DONE_MASK) != 0u;
}

int stlq_wait(const stlq_bus *bus, uint32_t polls)
{
    int result;
    while (polls-- > 0u) {
        if (stlq_poll(bus, &result)) {
            return result;
        }
    }
    write(bus, STLQ_CONTROL, STLQ_CONTROL_STOP_MASK);
    return STLQ_TIME_OUT;
}

uint32_t stlq_cycles(const stlq_bus *bus)
{
    return read(bus, STLQ_CYCLES);
}

const char *stlq_message(int result)
{
    static const char *const messages[] = STLQ_STATUS_ERROR_MESSAGES;
    switch (result) {
    case STLQ_NO_ENGINE:
        return "no engine with registers of the right version";
    case STLQ_NO_PROGRAM:
        return "the program does not start with a header";
    case STLQ_WRONG_ENGINE:
        return "the program is for another engine";
    case STLQ_TIME_OUT:
        return "the run did not end in time, and is being stopped";
    default:
        return result >= 0 && result < (int)(sizeof messages / sizeof *messages) ? messages[result] : "unknown result";
    }
}

const char *stlq_program_message(const stlq_bus *bus)
{
    static const char *const messages[] = STLQ_STATUS_ENGINE_ERROR_MESSAGES;
    uint32_t error = (read(bus, STLQ_STATUS) & STLQ_STATUS_ENGINE_ERROR_MASK) >> STLQ_STATUS_ENGINE_ERROR_BIT;
    return error < sizeof messages / sizeof *messages ? messages[error] : "unknown error";
}

uint16_t stlq_quantize(float value, float step, int32_t zero, uint16_t highest)
{
    float steps = value / step;
    int32_t whole;
    float rest;
    if (steps != steps) {
        return (uint16_t)zero;
    }
    if (steps >= (float)highest - (float)zero) {
        return highest;
    }
    if (steps <= -(float)zero) {
        return 0;
    }
    whole = (int32_t)steps;
    whole -= (float)whole > steps; /* floor */
    rest = steps - (float)whole;
    whole += rest > 0.5f || (rest == 0.5f && (whole & 1));
    return (uint16_t)(whole + zero);
}

float stlq_dequantize(uint16_t code, float step, int32_t zero)
{
    return step * (float)stlq_steps(code, zero);
}

int32_t stlq_steps(uint16_t code, int32_t zero)
{
    return (int32_t)code - zero;
}

uint16_t stlq_code(int32_t steps, int32_t zero, uint16_t highest)
{
    if (steps >= (int32_t)highest - zero) {
        return highest;
    }
    return steps <= -zero ? 0 : (uint16_t)(steps + zero);
}

void stlq_put(volatile uint8_t *inputs, const stlq_tensor *tensor, const float *values, uint32_t code_bytes,
              uint16_t highest)
{
    volatile uint8_t *to = inputs + tensor->offset;
    uint32_t at;
    for (at = 0; at < tensor->codes; at++) {
        uint16_t code = stlq_quantize(values[at], tensor->step, tensor->zero, highest);
        *to++ = (uint8_t)(code & 0xFFu);
        if (code_bytes == 2u) {
            *to++ = (uint8_t)(code >> 8);
        }
    }
}

void stlq_get(const volatile uint8_t *outputs, const stlq_tensor *tensor, float *values, uint32_t code_bytes)
{
    const volatile uint8_t *from = outputs + tensor->offset;
    uint32_t at;
    for (at = 0; at < tensor->codes; at++) {
        uint16_t code = *from++;
        if (code_bytes == 2u) {
            code = (uint16_t)(code | *from++ << 8);
        }
        values[at] = stlq_dequantize(code, tensor->step, tensor->zero);
    }
}
