/* arch/riscv/trap.c, which is C and knows no hardware but arch.h: with the host's. */
#include "arch.h"

#include "../../../arch/riscv/trap.c"

struct cpu_features cpu_features; /* the host lacks nothing, and errs nowhere */
