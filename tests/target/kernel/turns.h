/* For tests of turns: of threads that want the same hart. */
#ifndef TURNS_H
#define TURNS_H

#include "harness.h"
#include "kit.h"

/* Skips the test where there are several harts. */
static inline void turns_need_one_hart(void)
{
    if (!kit_alone())
        SKIP("with several harts nobody waits for another's turn");
}

#endif
