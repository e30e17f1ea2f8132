/* Owns nothing: argument blocks, see argument_block.h. */
#include "argument_block.h"

#include <errno.h>
#include <string.h>

struct argument_block *argument_blocks_find(struct argument_blocks *blocks, uint32_t owner)
{
    for (unsigned i = 0; i < ARGUMENT_BLOCKS; i++)
        if (blocks->block[i].owner == owner)
            return &blocks->block[i];
    return NULL;
}

void argument_blocks_release(struct argument_blocks *blocks, uint32_t owner)
{
    struct argument_block *block = argument_blocks_find(blocks, owner);

    if (block)
        block->owner = block->bytes = 0;
}

static struct argument_block *argument_blocks_claim(struct argument_blocks *blocks, uint32_t owner)
{
    struct argument_block *block = argument_blocks_find(blocks, 0);

    if (block)
        block->owner = owner;
    return block;
}

int argument_blocks_append(struct argument_blocks *blocks, uint32_t owner, const void *bytes,
                           size_t count)
{
    struct argument_block *block = argument_blocks_find(blocks, owner);

    if (!block)
        block = argument_blocks_claim(blocks, owner);
    if (!block)
        return EAGAIN;
    if (count > ARGUMENT_BLOCK_BYTES - block->bytes) {
        argument_blocks_release(blocks, owner);
        return E2BIG;
    }
    memcpy(block->text + block->bytes, bytes, count);
    block->bytes += (uint32_t)count;
    return 0;
}

uint64_t argument_text_count(const char *text, uint64_t bytes)
{
    uint64_t count = 0;

    if (bytes == 0 || text[0] == '\0' || text[bytes - 1] != '\0')
        return 0;
    for (uint64_t i = 0; i < bytes; i++)
        count += text[i] == '\0';
    return count;
}
