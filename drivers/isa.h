/* What a device tree says of a hart's instruction set.  Pure: also built on the host. */
#ifndef DRIVERS_ISA_H
#define DRIVERS_ISA_H

#include "fdt.h"

/* Whether a hart whose riscv,isa or riscv,isa-base is `text` may run this system: it is RV64, and if user mode is
 * named among its letters, supervisor mode is too.  Most name neither; some trees of the JH7110 give an MMU to a hart
 * that has none, and only "rv64imacu" tells.  Extensions are not asked for: what runs user programs has imac.
 * Spec: RISC-V Unprivileged 20191213, chapter 27. */
bool isa_is_usable(const char *text);

/* Whether a hart whose riscv,isa-extensions is this list of names may run this system: it has those that the kernel is
 * compiled for.  No name in it tells of modes.  Spec: Linux, riscv/extensions.yaml. */
bool isa_list_is_usable(const struct fdt_prop *extensions);

#endif
