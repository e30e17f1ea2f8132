/* Owns nothing: the start-up stack, see startup_stack.h. */
#include "startup_stack.h"

#include <string.h>

/* Gathers pieces for the sink; after an error it swallows the rest. */
struct startup_writer {
    const struct startup_sink *sink;
    uint64_t address; /* of piece[0] */
    size_t used;
    int error;
    uint8_t piece[STARTUP_PIECE_BYTES];
};

static uint64_t startup_random_address(const struct startup_stack *stack)
{
    return stack->end - STARTUP_RANDOM_BYTES;
}

static uint64_t startup_environment_address(const struct startup_stack *stack)
{
    return startup_random_address(stack) - stack->environment.bytes;
}

static uint64_t startup_arguments_address(const struct startup_stack *stack)
{
    return startup_environment_address(stack) - stack->arguments.bytes;
}

uint64_t startup_stack_pointer(const struct startup_stack *stack)
{
    uint64_t words = 1 + stack->arguments.count + 1 + stack->environment.count + 1 +
                     2 * ((uint64_t)stack->auxiliary_count + 2);

    return (startup_arguments_address(stack) - words * sizeof(uint64_t)) & ~15ull;
}

static void startup_flush(struct startup_writer *writer)
{
    if (!writer->error && writer->used > 0)
        writer->error = writer->sink->write(writer->sink->context, writer->address, writer->piece,
                                            writer->used);
    writer->address += writer->used;
    writer->used = 0;
}

static void startup_put(struct startup_writer *writer, const void *bytes, uint64_t count)
{
    const uint8_t *from = bytes;

    while (count > 0) {
        size_t room = STARTUP_PIECE_BYTES - writer->used;
        size_t step = count < room ? (size_t)count : room;

        memcpy(writer->piece + writer->used, from, step);
        writer->used += step;
        from += step;
        count -= step;
        if (writer->used == STARTUP_PIECE_BYTES)
            startup_flush(writer);
    }
}

static void startup_put_word(struct startup_writer *writer, uint64_t word)
{
    startup_put(writer, &word, sizeof word);
}

/* The addresses of strings that start at `address`, and a NULL. */
static void startup_put_pointers(struct startup_writer *writer,
                                 const struct startup_strings *strings, uint64_t address)
{
    const char *text = strings->text;

    for (uint64_t i = 0; i < strings->count; i++) {
        uint64_t bytes = strlen(text) + 1;

        startup_put_word(writer, address);
        address += bytes;
        text += bytes;
    }
    startup_put_word(writer, 0);
}

static void startup_put_auxiliary(struct startup_writer *writer, const struct startup_stack *stack)
{
    for (unsigned i = 0; i < stack->auxiliary_count; i++) {
        startup_put_word(writer, stack->auxiliary[i].type);
        startup_put_word(writer, stack->auxiliary[i].value);
    }
    startup_put_word(writer, STARTUP_AT_RANDOM);
    startup_put_word(writer, startup_random_address(stack));
    startup_put_word(writer, STARTUP_AT_NULL);
    startup_put_word(writer, 0);
}

int startup_stack_write(const struct startup_stack *stack, const struct startup_sink *sink)
{
    static const uint8_t zeros[16];
    struct startup_writer writer = {.sink = sink, .address = startup_stack_pointer(stack)};

    startup_put_word(&writer, stack->arguments.count);
    startup_put_pointers(&writer, &stack->arguments, startup_arguments_address(stack));
    startup_put_pointers(&writer, &stack->environment, startup_environment_address(stack));
    startup_put_auxiliary(&writer, stack);
    startup_put(&writer, zeros, startup_arguments_address(stack) - writer.address - writer.used);
    startup_put(&writer, stack->arguments.text, stack->arguments.bytes);
    startup_put(&writer, stack->environment.text, stack->environment.bytes);
    startup_put(&writer, stack->random, STARTUP_RANDOM_BYTES);
    startup_flush(&writer);
    return writer.error;
}
