/* Three uses of mmap: reading a big file, sharing a data structure between processes, and one in a file
 * that a program started later finds again.
 *
 * usage: mapped_file [PAGES]
 *
 * The structure is a search tree.  Its links are offsets from its start, so it may be mapped anywhere. */
#include "course.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>

struct tree_node {
    uint32_t key;
    uint32_t link[2]; /* to smaller and larger keys: numbers of nodes, 0 for none */
};

struct tree {
    uint32_t nodes; /* node 0 stays unused */
    uint32_t root;
    struct tree_node node[];
};

#define TREE_KEYS(pages) ((pages)*COURSE_PAGE / sizeof(struct tree_node) - 2)

static void *mapped_map(const char *path, size_t pages, int flags)
{
    int file = open(path, O_RDWR | O_CREAT, 0600);
    void *memory = MAP_FAILED;

    if (file >= 0 && ftruncate(file, (off_t)(pages * COURSE_PAGE)) == 0)
        memory =
            mmap(NULL, pages * COURSE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | flags, file, 0);
    close(file); /* the mapping stays */
    if (memory != MAP_FAILED)
        return memory;
    perror("mapped_file");
    exit(2);
}

static void tree_insert(struct tree *tree, uint32_t key)
{
    uint32_t *link = &tree->root;

    while (*link)
        link = &tree->node[*link].link[tree->node[*link].key < key];
    *link = ++tree->nodes;
    tree->node[*link] = (struct tree_node){.key = key};
}

static int tree_has(const struct tree *tree, uint32_t key)
{
    uint32_t at = tree->root;

    while (at && tree->node[at].key != key)
        at = tree->node[at].link[tree->node[at].key < key];
    return at != 0;
}

/* Key number `i`: all differ, and none comes in order. */
static uint32_t tree_key(uint32_t i)
{
    return i * 2654435761u;
}

static unsigned long tree_count(const struct tree *tree, uint32_t keys)
{
    unsigned long found = 0;

    for (uint32_t i = 0; i < keys; i++)
        found += (unsigned)tree_has(tree, tree_key(i));
    return found;
}

static void mapped_line(const char *what, long faults, unsigned long found)
{
    printf("%-48s  %8ld  %8lu\n", what, faults, found);
}

/* --- a file that is read: page i begins with i + 1 --- */
static unsigned long mapped_sum(const volatile unsigned char *bytes, size_t pages)
{
    unsigned long sum = 0;

    for (size_t i = 0; i < pages; i++)
        sum += *(const volatile uint32_t *)(uintptr_t)(bytes + i * COURSE_PAGE);
    return sum;
}

static unsigned long mapped_read(int file, size_t pages)
{
    static char buffer[COURSE_PAGE];
    unsigned long sum = 0;

    lseek(file, 0, SEEK_SET);
    for (size_t i = 0; i < pages; i++) {
        if (read(file, buffer, sizeof buffer) != sizeof buffer)
            break;
        sum += mapped_sum((volatile unsigned char *)buffer, 1);
    }
    return sum;
}

static void mapped_show_reading(const char *path, size_t pages)
{
    unsigned char *bytes = mapped_map(path, pages, 0);
    int file = open(path, O_RDONLY);
    unsigned long sum;
    long faults;

    for (size_t i = 0; i < pages; i++)
        *(uint32_t *)(uintptr_t)(bytes + i * COURSE_PAGE) = (uint32_t)i + 1;
    course_unmap(bytes, pages);
    mapped_read(file, 1);
    faults = course_faults();
    sum = mapped_read(file, pages);
    mapped_line("a file by read(): a copy of each page", course_faults() - faults, sum);
    bytes = mapped_map(path, pages, 0);
    madvise(bytes, pages * COURSE_PAGE, MADV_RANDOM);
    faults = course_faults();
    sum = mapped_sum(bytes, pages);
    mapped_line("by mmap, MADV_RANDOM: a fault for each page", course_faults() - faults, sum);
    faults = course_faults();
    sum = mapped_sum(bytes, pages);
    mapped_line("once more: all pages are there", course_faults() - faults, sum);
    course_unmap(bytes, pages);
    faults = course_faults();
    bytes = mapped_map(path, pages, MAP_POPULATE);
    sum = mapped_sum(bytes, pages);
    mapped_line("by mmap, MAP_POPULATE: all pages at once", course_faults() - faults, sum);
    course_unmap(bytes, pages);
    close(file);
    unlink(path);
}

/* --- a tree that two processes fill --- */
static void mapped_show_sharing(const char *path, size_t pages)
{
    struct tree *tree = mapped_map(path, pages, MAP_POPULATE);
    uint32_t keys = (uint32_t)TREE_KEYS(pages);
    const char *end;
    pid_t pid;

    for (uint32_t i = 0; i < keys / 2; i++)
        tree_insert(tree, tree_key(i));
    fflush(stdout);
    pid = course_child();
    if (pid == 0) {
        for (uint32_t i = keys / 2; i < keys; i++)
            tree_insert(tree, tree_key(i));
        _exit(tree_count(tree, keys) == keys ? 0 : 1);
    }
    end = course_wait(pid);
    printf("A tree of %u keys in shared memory, half of them from a child: %lu found; the child: "
           "%s.\n",
           (unsigned)keys, tree_count(tree, keys), end);
    munmap(tree, pages * COURSE_PAGE);
}

/* --- and that another program finds --- */
static int mapped_find(const char *path, size_t pages)
{
    const struct tree *tree = mapped_map(path, pages, 0);
    uint32_t keys = (uint32_t)TREE_KEYS(pages);
    unsigned long found = tree_count(tree, keys);

    printf("Another program finds %lu of them in the file, and %d that nobody put there.\n", found,
           tree_has(tree, tree_key(keys)));
    fflush(stdout);
    return found == keys ? 0 : 1;
}

int main(int argc, char **argv)
{
    char path[60], words[2][20];
    size_t pages;

    if (argc == 4) /* the other program: "find", pages, path */
        return mapped_find(argv[3], strtoul(argv[2], NULL, 10));
    pages = course_pages(argc, argv, 64);
    snprintf(path, sizeof path, "/tmp/mapped_file.%d", (int)getpid());
    printf("%-48s  %8s  %8s\n", "step", "faults", "sum");
    mapped_show_reading(path, pages);
    mapped_show_sharing(path, pages);
    fflush(stdout);
    snprintf(words[0], sizeof words[0], "find");
    snprintf(words[1], sizeof words[1], "%zu", pages);
    printf("It: %s.\n",
           course_wait(faultline_spawn((char *[]){argv[0], words[0], words[1], path, NULL})));
    unlink(path);
    return 0;
}
