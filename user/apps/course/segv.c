/* Does one forbidden thing, chosen by its argument, and so is ended by SIGSEGV.  Ends with status 3
 * if nobody stopped it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KERNEL_ADDRESS 0xffffffc080200000ull /* in the upper half: never a program's */
#define HOLE_ADDRESS   0x2000000000ull       /* between heap and stack: nobody maps it unasked */

/* Keeps the compiler from knowing the address. */
static volatile char *segv_at(uintptr_t address)
{
    volatile uintptr_t hidden = address;

    return (volatile char *)hidden;
}

static void segv_read(uintptr_t address)
{
    (void)*segv_at(address);
}

static void segv_write(uintptr_t address)
{
    *segv_at(address) = 1;
}

static void segv_null_read(void)
{
    segv_read(0);
}

static void segv_null_write(void)
{
    segv_write(0);
}

static void segv_kernel_read(void)
{
    segv_read(KERNEL_ADDRESS);
}

static void segv_kernel_write(void)
{
    segv_write(KERNEL_ADDRESS);
}

static void segv_text_write(void)
{
    segv_write((uintptr_t)segv_text_write);
}

static void segv_constant_write(void)
{
    static const char text[] = "constant";

    segv_write((uintptr_t)text);
}

static void segv_stack_execute(void)
{
    volatile uint32_t code[2] = {0x00008067, 0x00008067}; /* ret */
    volatile uintptr_t hidden = (uintptr_t)code;

    ((void (*)(void))hidden)();
}

static void segv_unmapped_read(void)
{
    segv_read(HOLE_ADDRESS);
}

static void segv_unmapped_execute(void)
{
    volatile uintptr_t hidden = HOLE_ADDRESS;

    ((void (*)(void))hidden)();
}

static void segv_beyond_brk(void)
{
    uintptr_t end = (uintptr_t)sbrk(0);

    segv_write((end + 4095) / 4096 * 4096);
}

/* Needs a page of stack for each level. */
static int __attribute__((noinline)) segv_descend(int levels)
{
    volatile char page[4096];

    page[0] = (char)levels;
    return (levels > 0 ? segv_descend(levels - 1) : 0) + page[0];
}

static void segv_stack_guard(void)
{
    segv_descend(1 << 20); /* 4 GiB: more than any stack */
}

static const struct {
    const char *name;
    void (*run)(void);
} segv_modes[] = {
    {"null-read", segv_null_read},
    {"null-write", segv_null_write},
    {"kernel-read", segv_kernel_read},
    {"kernel-write", segv_kernel_write},
    {"text-write", segv_text_write},
    {"constant-write", segv_constant_write},
    {"stack-exec", segv_stack_execute},
    {"unmapped-read", segv_unmapped_read},
    {"unmapped-exec", segv_unmapped_execute},
    {"beyond-brk", segv_beyond_brk},
    {"stack-guard", segv_stack_guard},
};

int main(int argc, char **argv)
{
    size_t count = sizeof segv_modes / sizeof segv_modes[0];

    for (size_t i = 0; argc == 2 && i < count; i++)
        if (strcmp(segv_modes[i].name, argv[1]) == 0) {
            segv_modes[i].run();
            fprintf(stderr, "segv: nobody stopped %s\n", argv[1]);
            return 3;
        }
    fprintf(stderr, "usage: segv MODE; modes:");
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, " %s", segv_modes[i].name);
    fprintf(stderr, "\n");
    return 2;
}
