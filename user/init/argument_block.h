/* Argument blocks: what a program has said so far about the program it wants to start.
 *
 *  A1  a block has an owner from its first bytes until it is released;
 *  A2  an owner has at most one block.
 *
 * Pure: the caller keeps the blocks and says who speaks. */
#ifndef INIT_ARGUMENT_BLOCK_H
#define INIT_ARGUMENT_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#define ARGUMENT_BLOCK_BYTES 16384u
#define ARGUMENT_BLOCKS      4u /* programs that prepare a start at the same time */

struct argument_block {
    uint32_t owner; /* pid; 0 = free */
    uint32_t bytes;
    char text[ARGUMENT_BLOCK_BYTES];
};

struct argument_blocks {
    struct argument_block block[ARGUMENT_BLOCKS];
};

/* Appends to the owner's block.  A refusal releases the block: the next append starts afresh.
 * Returns: 0; E2BIG (the block is full); EAGAIN (other programs hold all blocks). */
int argument_blocks_append(struct argument_blocks *blocks, uint32_t owner, const void *bytes,
                           size_t count);

/* The owner's block, NULL if it has none. */
struct argument_block *argument_blocks_find(struct argument_blocks *blocks, uint32_t owner);

/* Frees the owner's block, if it has one. */
void argument_blocks_release(struct argument_blocks *blocks, uint32_t owner);

/* The number of strings in `text`, or 0 when it is not a list of NUL-terminated strings of which
 * the first is not empty. */
uint64_t argument_text_count(const char *text, uint64_t bytes);

#endif
