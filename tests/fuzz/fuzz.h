/* What fuzz targets share.
 *
 * A target is a file NAME_fuzz.c with the two names below.  It says what is wrong by the checks of
 * harness.h, and builds two programs of it: libFuzzer's, in which a check that fails ends the program
 * (fail.c), and a host test that runs it over its corpus (replay.c). */
#ifndef FAULTLINE_TESTS_FUZZ_H
#define FAULTLINE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "harness.h"

/* The folder of the seeds in tests/fuzz/corpus. */
extern const char fuzz_name[];

/* Tries one input.  Leaves nothing allocated.  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes of an input, taken from the front; behind their end come zeros. */
struct fuzz_input {
    const uint8_t *data;
    size_t size;
    size_t at;
};

static inline bool fuzz_is_empty(const struct fuzz_input *input)
{
    return input->at >= input->size;
}

/* A little-endian number of so many bytes, 1 to 8. */
static inline uint64_t fuzz_take(struct fuzz_input *input, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++, input->at++)
        value |= fuzz_is_empty(input) ? 0 : (uint64_t)input->data[input->at] << 8 * i;
    return value;
}

#endif
