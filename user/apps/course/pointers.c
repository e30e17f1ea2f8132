/* Pointers given to system calls may point anywhere, and nothing is corrupted.
 *
 * The pager copies between a file and the program's memory by itself, so absent pages come without a fault,
 * and forbidden ones are found before anything is copied.  What goes to the console libos copies, after
 * it has asked the pager whether it may.
 * usage: pointers */
#include <errno.h>
#include <faultline/process.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE   4096
#define BYTES  200 /* of a read, half of them on either side of a page's end */
#define FORMAT "%-44s %s\n"

static const char pointers_file[] = "hello"; /* any file of the initrd */
static char pointers_expected[BYTES];
static int pointers_wrong;

/* A constant on a page that nothing else touches. */
static const char pointers_text[PAGE] __attribute__((aligned(PAGE))) =
    "write from a page that was never touched     these words are that page\n";

static char *pointers_map(void)
{
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages != MAP_FAILED)
        return pages;
    perror("pointers: mmap");
    exit(2);
}

/* Reads the file's first bytes to `to`.  Returns: bytes, or -1 with errno. */
static ssize_t pointers_read(void *to)
{
    int file = open(pointers_file, O_RDONLY);
    ssize_t bytes = read(file, to, BYTES);

    close(file);
    return bytes;
}

static long pointers_faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void pointers_tell(const char *what, const char *outcome, int fine)
{
    printf(FORMAT, what, outcome);
    fflush(stdout);
    pointers_wrong += !fine;
}

static void pointers_absent(void)
{
    char *pages = pointers_map();
    char *target = pages + PAGE - BYTES / 2;
    long faults = pointers_faults();
    ssize_t bytes = pointers_read(target);
    char outcome[60];

    faults = pointers_faults() - faults;
    snprintf(outcome, sizeof outcome, "%ld bytes, %ld faults", (long)bytes, faults);
    pointers_tell("read to two pages that were never touched", outcome,
                  bytes == BYTES && faults == 0 && memcmp(target, pointers_expected, BYTES) == 0);
    munmap(pages, 2 * PAGE);
    faults = pointers_faults();
    pointers_wrong +=
        write(1, pointers_text, strlen(pointers_text)) != (ssize_t)strlen(pointers_text);
    pointers_wrong += pointers_faults() - faults != 1;
}

/* Runs a child with a bad pointer: it is told EFAULT, or it ends, and we are as we were. */
static void pointers_bad(const char *what, char *program, char *mode)
{
    char *words[] = {program, mode, NULL};
    char again[BYTES];
    int status = 0;

    if (waitpid(faultline_spawn(words), &status, 0) < 0) {
        pointers_tell(what, "no child", 0);
        return;
    }
    int refused = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    int ended = WIFSIGNALED(status) && WTERMSIG(status) == 11;
    int same = pointers_read(again) == BYTES && memcmp(again, pointers_expected, BYTES) == 0;
    pointers_tell(what,
                  refused ? "EFAULT"
                  : ended ? "ended by signal 11"
                          : "neither refused nor ended",
                  (refused || ended) && same);
}

/* The child.  Returns: 0 when the bad pointer was refused with EFAULT. */
static int pointers_child(const char *mode)
{
    char *pages = pointers_map();

    if (strcmp(mode, "read-only") == 0) {
        mprotect(pages, PAGE, PROT_READ);
        return pointers_read(pages) == -1 && errno == EFAULT ? 0 : 1;
    }
    munmap(pages + PAGE, PAGE);
    if (strcmp(mode, "half-read") == 0)
        return pointers_read(pages + PAGE - BYTES / 2) == -1 && errno == EFAULT ? 0 : 1;
    return write(1, pages + PAGE - BYTES / 2, BYTES) == -1 && errno == EFAULT ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return pointers_child(argv[1]);
    if (pointers_read(pointers_expected) != BYTES) {
        perror("pointers: read");
        return 2;
    }
    pointers_tell("call with a pointer to", "what came of it", 1);
    pointers_absent();
    pointers_bad("read to a page that is read-only", argv[0], "read-only");
    pointers_bad("read to a page and a hole behind it", argv[0], "half-read");
    pointers_bad("write from a page and a hole behind it", argv[0], "half-write");
    return pointers_wrong != 0;
}
