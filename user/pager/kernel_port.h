/* The core's port (core/port.h) over kernel calls. */
#ifndef PAGER_KERNEL_PORT_H
#define PAGER_KERNEL_PORT_H

#include "pager.h"

struct vm_port kernel_port_make(struct pager *pager);

#endif
