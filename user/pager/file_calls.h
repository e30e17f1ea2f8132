/* Calls about files: OPEN to CHECK_ACCESS of pager.def.  Each decodes the words of a call and asks the
 * core (core/file.h); all return errno values. */
#ifndef PAGER_FILE_CALLS_H
#define PAGER_FILE_CALLS_H

#include "calls.h"

int file_calls_open(struct call *call);
int file_calls_close(struct call *call);
int file_calls_read(struct call *call);
int file_calls_write(struct call *call);
int file_calls_seek(struct call *call);
int file_calls_truncate(struct call *call);
int file_calls_status(struct call *call);
int file_calls_path_status(struct call *call);
int file_calls_unlink(struct call *call);
int file_calls_rename(struct call *call);
int file_calls_name(struct call *call);
int file_calls_check_access(struct call *call);

/* MMAP without MAP_ANONYMOUS: the request but for its file, whose handle is in the buffer. */
int file_calls_map(struct call *call, struct vm_map_request *request);

#endif
