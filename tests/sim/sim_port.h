/* Private to the simulated kernel: the core's port, as user/pager/kernel_port.c has it over kernel calls. */
#ifndef SIM_PORT_H
#define SIM_PORT_H

#include "sim_kernel.h"

struct vm_port sim_port_make(struct sim_kernel *kernel);

/* What the kernel checks of memory to be mapped before it looks at the space: kernel/memory.c. */
enum fl_error sim_port_decode(const struct sim_kernel *kernel, const struct vm_mapping *mapping,
                              struct vspace_run *run);

/* The first rule that the core broke. */
void sim_kernel_break(struct sim_kernel *kernel, const char *rule);

#endif
