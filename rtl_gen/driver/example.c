/* One inference on an STLQ engine, on Linux.

       gcc -O2 -o example example.c stlq.c
       example DEVICE REGISTERS MEMORY PROGRAM INPUTS OUTPUTS
       example /dev/mem 0x43c00000 0x18000000 program.bin image.f32 scores.f32

   REGISTERS and MEMORY are physical addresses, multiples of a page: of the engine, and of memory that Linux leaves
   alone.  INPUTS and OUTPUTS are float32, one tensor after the other.  On bare metal `reach` returns the address
   itself, and the files are arrays. */
#define _POSIX_C_SOURCE 200112L
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stlq.h"
#include "stlq_network.h"
#include "stlq_registers.h"

#define REGISTER_BYTES 128u
#define ALIGNED(size) (((size) + 63u) / 64u * 64u)
#define INPUTS_AT ALIGNED(STLQ_PROGRAM_BYTES)
#define OUTPUTS_AT (INPUTS_AT + ALIGNED(STLQ_INPUTS_BYTES))
#define POLLS 100000000u /* some seconds */

static const stlq_tensor inputs[] = STLQ_INPUTS;
static const stlq_tensor outputs[] = STLQ_OUTPUTS;
static uint8_t program[STLQ_PROGRAM_BYTES];
static float values[(STLQ_INPUTS_BYTES > STLQ_OUTPUTS_BYTES ? STLQ_INPUTS_BYTES : STLQ_OUTPUTS_BYTES)];

static uint32_t read_register(void *user, uint32_t address)
{
    return ((volatile uint32_t *)user)[address / 4u];
}

static void write_register(void *user, uint32_t address, uint32_t value)
{
    ((volatile uint32_t *)user)[address / 4u] = value;
}

static void stop(const char *what)
{
    fprintf(stderr, "example: %s\n", what);
    exit(1);
}

/* The system says why. */
static void fail(const char *what)
{
    fprintf(stderr, "example: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *reach(int device, unsigned long address, size_t size)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)address);
    if (mapped == MAP_FAILED) {
        fail("this address cannot be mapped");
    }
    return mapped;
}

static FILE *file(const char *name, const char *mode)
{
    FILE *opened = fopen(name, mode);
    if (opened == NULL) {
        fail(name);
    }
    return opened;
}

/* A number with nothing behind it. */
static unsigned long number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 0);
    if (end == text || *end != '\0') {
        stop("an address is no number; allowed: one such as 0x43c00000");
    }
    return value;
}

/* Nothing of the file is left: otherwise it is of another network. */
static void finish(FILE *given, const char *complaint)
{
    if (fgetc(given) != EOF) {
        stop(complaint);
    }
    fclose(given);
}

static void load_program(const stlq_bus *bus, volatile uint8_t *memory, const char *name)
{
    FILE *given = file(name, "rb");
    size_t at;
    int result;
    if (fread(program, 1, sizeof program, given) != sizeof program) {
        stop("the program is shorter than that of this network");
    }
    finish(given, "the program is longer than that of this network");
    result = stlq_check(bus, program);
    if (result != STLQ_OK) {
        stop(stlq_message(result));
    }
    for (at = 0; at < sizeof program; at++) {
        memory[at] = program[at];
    }
}

static void put_inputs(volatile uint8_t *memory, const char *name)
{
    FILE *given = file(name, "rb");
    size_t at;
    for (at = 0; at < sizeof inputs / sizeof *inputs; at++) {
        if (fread(values, sizeof *values, inputs[at].codes, given) != inputs[at].codes) {
            stop("there are fewer inputs than the network has");
        }
        stlq_put(memory, &inputs[at], values, STLQ_CODE_BYTES, STLQ_HIGHEST_CODE);
    }
    finish(given, "there are more inputs than the network has");
}

static void get_outputs(const volatile uint8_t *memory, const char *name)
{
    FILE *made = file(name, "wb");
    size_t at;
    for (at = 0; at < sizeof outputs / sizeof *outputs; at++) {
        stlq_get(memory, &outputs[at], values, STLQ_CODE_BYTES);
        if (fwrite(values, sizeof *values, outputs[at].codes, made) != outputs[at].codes) {
            fail(name);
        }
    }
    if (fclose(made) != 0) {
        fail(name);
    }
}

static void infer(const stlq_bus *bus, uint64_t memory)
{
    stlq_range ranges[3];
    int result;
    ranges[0].address = memory;
    ranges[0].length = STLQ_PROGRAM_BYTES;
    ranges[1].address = memory + INPUTS_AT;
    ranges[1].length = STLQ_INPUTS_BYTES;
    ranges[2].address = memory + OUTPUTS_AT;
    ranges[2].length = STLQ_OUTPUTS_BYTES;
    stlq_start(bus, ranges[0], ranges[1], ranges[2], 0);
    result = stlq_wait(bus, POLLS);
    if (result != STLQ_OK) {
        stop(result == STLQ_STATUS_ERROR_ENGINE ? stlq_program_message(bus) : stlq_message(result));
    }
}

int main(int count, char **arguments)
{
    stlq_bus bus = {read_register, write_register, NULL};
    volatile uint8_t *memory;
    unsigned long address;
    int device;
    if (count != 7) {
        stop("usage: example DEVICE REGISTERS MEMORY PROGRAM INPUTS OUTPUTS");
    }
    device = open(arguments[1], O_RDWR | O_SYNC);
    if (device < 0) {
        fail(arguments[1]);
    }
    bus.user = reach(device, number(arguments[2]), REGISTER_BYTES);
    address = number(arguments[3]);
    memory = reach(device, address, OUTPUTS_AT + STLQ_OUTPUTS_BYTES);
    load_program(&bus, memory, arguments[4]);
    put_inputs(memory + INPUTS_AT, arguments[5]);
    infer(&bus, address);
    get_outputs(memory + OUTPUTS_AT, arguments[6]);
    printf("%lu cycles\n", (unsigned long)stlq_cycles(&bus));
    return 0;
}
