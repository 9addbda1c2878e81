/* Runs programs on an STLQ engine on a bus.  C99, no heap, nothing but the two functions that you supply. */
#ifndef STLQ_H
#define STLQ_H

#include <stdint.h>

/* How to reach the registers: 32-bit accesses that the compiler may not drop, join or reorder (volatile).  They must be
   complete before what follows them, and memory that was written before `write` must be visible to the engine. */
typedef struct {
    uint32_t (*read)(void *user, uint32_t address);
    void (*write)(void *user, uint32_t address, uint32_t value);
    void *user;
} stlq_bus;

/* Memory as the engine addresses it; length in bytes, a multiple of a bus word. */
typedef struct {
    uint64_t address;
    uint32_t length;
} stlq_range;

/* Codes from byte `offset` of inputs or outputs on, in the order channel, row, column: value = step * (code - zero).
   STLQ_INPUTS and STLQ_OUTPUTS of stlq_network.h initialize arrays of these. */
typedef struct {
    uint32_t offset;
    uint32_t codes;
    float step;
    int32_t zero;
} stlq_tensor;

/* What functions return: 0, an error of the status register (STLQ_STATUS_ERROR_... of stlq_registers.h), or: */
enum {
    STLQ_OK = 0,
    STLQ_NO_ENGINE = 16, /* no register map of the version that this driver knows */
    STLQ_NO_PROGRAM,     /* the program does not start with the header of a program */
    STLQ_WRONG_ENGINE,   /* the program is for another engine */
    STLQ_TIME_OUT        /* the run did not end; it is being stopped */
};

/* Whether the engine is there, and the program is for it; `header`: the program's first 16 bytes. */
int stlq_check(const stlq_bus *bus, const uint8_t header[16]);

/* Bytes of the program, from its header. */
uint32_t stlq_program_length(const uint8_t header[16]);

/* Start a run.  Errors are those of the registers, and come from stlq_poll. */
void stlq_start(const stlq_bus *bus, stlq_range program, stlq_range inputs, stlq_range outputs, int interrupt);

/* Whether the last run has ended; then `*result` is how. */
int stlq_poll(const stlq_bus *bus, int *result);

/* Read the status up to `polls` times, until the run has ended.  Otherwise the run is stopped: STLQ_TIME_OUT. */
int stlq_wait(const stlq_bus *bus, uint32_t polls);

/* Cycles of the last run. */
uint32_t stlq_cycles(const stlq_bus *bus);

/* What a result means; what was wrong with the program, where the result is STLQ_STATUS_ERROR_ENGINE. */
const char *stlq_message(int result);
const char *stlq_program_message(const stlq_bus *bus);

/* Codes of real values, as the network has them: value = step * (code - zero).  Half a step goes to the even
   one; what is below 0 or above `highest` becomes that, and what is not a number becomes `zero`. */
uint16_t stlq_quantize(float value, float step, int32_t zero, uint16_t highest);
float stlq_dequantize(uint16_t code, float step, int32_t zero);

/* The same in integers, for hosts without floating point: a value in steps is code - zero, and its code is limited to 0
   to `highest`. */
int32_t stlq_steps(uint16_t code, int32_t zero);
uint16_t stlq_code(int32_t steps, int32_t zero, uint16_t highest);

/* A whole tensor, from real values to the inputs' memory, or from the outputs' memory to real values.  `code_bytes` and
   `highest` are those of stlq_network.h. */
void stlq_put(volatile uint8_t *inputs, const stlq_tensor *tensor, const float *values, uint32_t code_bytes,
              uint16_t highest);
void stlq_get(const volatile uint8_t *outputs, const stlq_tensor *tensor, float *values, uint32_t code_bytes);

#endif
