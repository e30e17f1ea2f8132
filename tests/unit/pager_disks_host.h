/* The disks of the pager on the host: user/pager/disks.c itself, and behind its rings one disk in memory that begins
 * with a swap header.  A request may fail (FAIL_DISK).  In the place of pins.c is a count: each request is pinned
 * until it has ended. */
#ifndef PAGER_DISKS_HOST_H
#define PAGER_DISKS_HOST_H

#include "../../user/pager/disks.h"

#define DISKS_HOST_PAGES 20u

/* A disk for the machine of kernel_fake_start; the pager finds it, and waits for a SWAPON. */
void pager_disks_host_start(struct pager *pager);

/* The driver does all that was asked.  False: that is nothing.  Else the pager is to be signalled. */
bool pager_disks_host_serve(struct pager *pager);

/* Asks for all that the core may at a time, of as many segments as a request has, while the driver takes one request each
 * time that it is called, and none when its bell rings: its disk is full, or it runs on a hart that has not got round to
 * it.  Returns: how many requests the driver got, in their order. */
uint32_t pager_disks_host_flood(struct pager *pager);

/* NULL, or what is wrong: D1 of disks.h. */
const char *pager_disks_host_check(void);

#endif
