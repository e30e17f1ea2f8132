/* The stack image that a program finds at its first instruction.
 *
 *   sp  argc
 *       argv[0] .. argv[argc - 1], NULL
 *       envp[0] .., NULL
 *       auxiliary vector: pairs of type and value, AT_RANDOM and AT_NULL last
 *       up to 15 bytes of zero
 *       the strings of argv, the strings of envp
 *   end - 16   16 random bytes
 *
 *  S1  sp is a multiple of 16; the image fills [sp, end);
 *  S2  strings lie in the image without gaps, so an argument's end is the next one's start.
 *
 * Pure: bytes leave through the sink, in rising order of address, each exactly once.
 * Spec: System V ABI, "Process Initialization"; RISC-V ELF psABI 1.0, chapter 2 (alignment). */
#ifndef INIT_STARTUP_STACK_H
#define INIT_STARTUP_STACK_H

#include <stddef.h>
#include <stdint.h>

#define STARTUP_AUXILIARY_MAX 8u
#define STARTUP_RANDOM_BYTES  16u
#define STARTUP_PIECE_BYTES   768u /* most bytes that the sink gets at once */

enum startup_auxiliary_type {
    STARTUP_AT_NULL = 0,
    STARTUP_AT_PAGESZ = 6,
    STARTUP_AT_ENTRY = 9,
    STARTUP_AT_RANDOM = 25
};

/* NUL-terminated strings, one behind the other. */
struct startup_strings {
    const char *text;
    uint64_t bytes; /* the NULs included */
    uint64_t count;
};

struct startup_auxiliary {
    uint64_t type;
    uint64_t value;
};

struct startup_stack {
    uint64_t end; /* multiple of 16 */
    struct startup_strings arguments;
    struct startup_strings environment;
    struct startup_auxiliary auxiliary[STARTUP_AUXILIARY_MAX]; /* without AT_RANDOM and AT_NULL */
    unsigned auxiliary_count;
    uint8_t random[STARTUP_RANDOM_BYTES];
};

/* Where the bytes go: `write` returns 0 or the errno value that ends the writing. */
struct startup_sink {
    int (*write)(void *context, uint64_t address, const void *bytes, size_t count);
    void *context;
};

/* The address of argc. */
uint64_t startup_stack_pointer(const struct startup_stack *stack);

/* Writes the image to the sink.  Returns: 0, or the sink's first error. */
int startup_stack_write(const struct startup_stack *stack, const struct startup_sink *sink);

#endif
