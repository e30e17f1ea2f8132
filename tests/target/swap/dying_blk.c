/* The system's disk driver, which dies at its DYING_REQUEST-th request.  The linker puts this function in
 * place of the driver's own (--wrap). */
#include "virtio_blk.h"

#define DYING_REQUEST 60u

int __real_virtio_blk_submit(struct virtio_blk *blk, const struct virtio_blk_request *request);
int __wrap_virtio_blk_submit(struct virtio_blk *blk, const struct virtio_blk_request *request);

static unsigned requests;

int __wrap_virtio_blk_submit(struct virtio_blk *blk, const struct virtio_blk_request *request)
{
    if (++requests == DYING_REQUEST)
        __builtin_trap();
    return __real_virtio_blk_submit(blk, request);
}
