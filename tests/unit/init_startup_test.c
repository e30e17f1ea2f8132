/* sources: user/init/startup_stack.c user/init/argument_block.c */
#include <errno.h>
#include <string.h>

#include "../../user/init/argument_block.h"
#include "../../user/init/startup_stack.h"
#include "harness.h"

#define STACK_END   0x3ff0000000ull
#define STACK_BYTES (4u << 20)

/* A stack to write to: contents[STACK_BYTES] lies at STACK_END. */
static struct {
    uint8_t contents[STACK_BYTES];
    uint64_t next; /* address that must be written next; 0 = any */
    unsigned fail_after;
} fake;

static int fake_write(void *context, uint64_t address, const void *bytes, size_t count)
{
    (void)context;
    CHECK(count > 0 && count <= STARTUP_PIECE_BYTES);
    CHECK(fake.next == 0 || fake.next == address);
    CHECK(address >= STACK_END - STACK_BYTES && address + count <= STACK_END);
    if (fake.fail_after > 0 && --fake.fail_after == 0)
        return EFAULT;
    memcpy(fake.contents + (address - (STACK_END - STACK_BYTES)), bytes, count);
    fake.next = address + count;
    return 0;
}

static const struct startup_sink fake_sink = {fake_write, NULL};

static const void *fake_at(uint64_t address)
{
    CHECK(address >= STACK_END - STACK_BYTES && address < STACK_END);
    return fake.contents + (address - (STACK_END - STACK_BYTES));
}

static uint64_t fake_word(uint64_t address)
{
    uint64_t word;

    CHECK_EQ(address % 8, 0);
    memcpy(&word, fake_at(address), sizeof word);
    return word;
}

/* Reads `strings` back through the pointers at `address`.  Returns the address behind the NULL. */
static uint64_t check_strings(uint64_t address, const struct startup_strings *strings)
{
    const char *expected = strings->text;

    for (uint64_t i = 0; i < strings->count; i++, address += 8) {
        CHECK_STRING((const char *)fake_at(fake_word(address)), expected);
        expected += strlen(expected) + 1;
    }
    CHECK_EQ(fake_word(address), 0);
    return address + 8;
}

/* Reads the image as a program does. */
static void check_image(const struct startup_stack *stack)
{
    uint64_t address = startup_stack_pointer(stack);

    memset(&fake, 0xa5, sizeof fake.contents);
    fake.next = 0;
    CHECK_EQ(startup_stack_write(stack, &fake_sink), 0);
    CHECK_EQ(fake.next, STACK_END);
    CHECK_EQ(address % 16, 0);
    CHECK_EQ(fake_word(address), stack->arguments.count);
    address = check_strings(address + 8, &stack->arguments);
    address = check_strings(address, &stack->environment);
    for (unsigned i = 0; i < stack->auxiliary_count; i++, address += 16) {
        CHECK_EQ(fake_word(address), stack->auxiliary[i].type);
        CHECK_EQ(fake_word(address + 8), stack->auxiliary[i].value);
    }
    CHECK_EQ(fake_word(address), STARTUP_AT_RANDOM);
    CHECK(memcmp(fake_at(fake_word(address + 8)), stack->random, STARTUP_RANDOM_BYTES) == 0);
    CHECK_EQ(fake_word(address + 16), STARTUP_AT_NULL);
    CHECK_EQ(fake_word(address + 24), 0);
}

static struct startup_stack example(const char *text, uint64_t bytes)
{
    struct startup_stack stack = {
        .end = STACK_END,
        .arguments = {text, bytes, argument_text_count(text, bytes)},
        .environment = {"HOME=/\0A=b", 11, 2},
        .auxiliary = {{STARTUP_AT_PAGESZ, 4096}, {0x46001, 10000000}},
        .auxiliary_count = 2,
        .random = "0123456789abcde",
    };

    return stack;
}

TEST("a program finds argc, argv, envp and auxv where the ABI says")
{
    struct startup_stack stack = example("prog\0-x\0\0long argument", 23);

    CHECK_EQ(stack.arguments.count, 4);
    check_image(&stack);
    stack.auxiliary_count = 0;
    stack.environment = (struct startup_strings){"", 0, 0};
    check_image(&stack);
}

TEST("the stack pointer is aligned whatever the length of the strings")
{
    char text[80];

    memset(text, 'a', sizeof text);
    for (unsigned bytes = 2; bytes <= sizeof text; bytes++) {
        text[bytes - 1] = '\0';
        struct startup_stack stack = example(text, bytes);
        check_image(&stack);
        text[bytes - 1] = 'a';
    }
}

TEST("128 KiB of one-byte arguments are written")
{
    static char text[128 << 10];

    for (unsigned i = 0; i < sizeof text; i += 2)
        text[i] = 'x';
    struct startup_stack stack = example(text, sizeof text);
    CHECK_EQ(stack.arguments.count, 64 << 10);
    check_image(&stack);
}

TEST("the sink's first error ends the writing and is returned")
{
    static char text[8192];

    memset(text, 'y', sizeof text - 1);
    struct startup_stack stack = example(text, sizeof text);
    for (unsigned n = 1; n <= 11; n++) {
        fake.next = 0;
        fake.fail_after = n;
        CHECK_EQ(startup_stack_write(&stack, &fake_sink), EFAULT);
        CHECK_EQ(fake.fail_after, 0);
    }
}

TEST("an argument list is NUL-terminated strings, the first one not empty")
{
    CHECK_EQ(argument_text_count("prog", 5), 1);
    CHECK_EQ(argument_text_count("prog\0\0a", 8), 3);
    CHECK_EQ(argument_text_count("prog", 4), 0);
    CHECK_EQ(argument_text_count("\0prog", 6), 0);
    CHECK_EQ(argument_text_count("", 0), 0);
}

TEST("an owner's pieces join in its block, other owners have theirs")
{
    static struct argument_blocks blocks;

    CHECK_EQ(argument_blocks_append(&blocks, 7, "ec", 2), 0);
    CHECK_EQ(argument_blocks_append(&blocks, 8, "ls", 3), 0);
    CHECK_EQ(argument_blocks_append(&blocks, 7, "ho", 3), 0);
    CHECK_STRING(argument_blocks_find(&blocks, 7)->text, "echo");
    CHECK_EQ(argument_blocks_find(&blocks, 7)->bytes, 5);
    CHECK_STRING(argument_blocks_find(&blocks, 8)->text, "ls");
    argument_blocks_release(&blocks, 7);
    CHECK(!argument_blocks_find(&blocks, 7));
    argument_blocks_release(&blocks, 7);
    CHECK(argument_blocks_find(&blocks, 8));
}

TEST("a full block is refused and starts afresh")
{
    static struct argument_blocks blocks;
    static char bytes[ARGUMENT_BLOCK_BYTES];

    CHECK_EQ(argument_blocks_append(&blocks, 7, bytes, sizeof bytes), 0);
    CHECK_EQ(argument_blocks_append(&blocks, 7, bytes, 0), 0);
    CHECK_EQ(argument_blocks_append(&blocks, 7, bytes, 1), E2BIG);
    CHECK(!argument_blocks_find(&blocks, 7));
    CHECK_EQ(argument_blocks_append(&blocks, 7, bytes, 1), 0);
    CHECK_EQ(argument_blocks_find(&blocks, 7)->bytes, 1);
}

TEST("no block left is said, and a released one serves the next")
{
    static struct argument_blocks blocks;

    for (uint32_t owner = 1; owner <= ARGUMENT_BLOCKS; owner++)
        CHECK_EQ(argument_blocks_append(&blocks, owner, "x", 1), 0);
    CHECK_EQ(argument_blocks_append(&blocks, 99, "x", 1), EAGAIN);
    argument_blocks_release(&blocks, 2);
    CHECK_EQ(argument_blocks_append(&blocks, 99, "x", 1), 0);
}
