/* The pager's own loop (user/pager/main.c) as a function: it never returns, and is left by longjmp where it
 * wants a message.  Its state is kept for the next call. */
#ifndef PAGER_MAIN_HOST_H
#define PAGER_MAIN_HOST_H

#include "../../user/pager/request.h"

int pager_main(void);

/* The machine that the pager finds at its start, given before the first call. */
void pager_main_host_start(uint8_t *window, uint8_t *archive, uint64_t archive_bytes);

#endif
