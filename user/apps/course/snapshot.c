/* A snapshot by fork: a child saves the state as of the fork while its parent goes on changing it.
 *
 * usage: snapshot [PAGES]
 *
 * The state is an account on each page.  Transfers between accounts leave their sum as it is; a state
 * that is saved account by account while they go on, without a snapshot, has another sum. */
#include "course.h"

#define SNAPSHOT_START 1000u /* on each account */
#define SNAPSHOT_READY 0     /* turns: then the child saves account i at 2 * i + 1 */

struct snapshot {
    volatile int turn;
    unsigned saved[COURSE_PAGES_MAX]; /* by the child: the disk, so to say */
};

static volatile unsigned snapshot_seed;

static volatile unsigned *snapshot_account(volatile unsigned char *memory, size_t page)
{
    return (volatile unsigned *)(uintptr_t)(memory + page * COURSE_PAGE);
}

static unsigned snapshot_random(void)
{
    snapshot_seed = snapshot_seed * 1664525u + 1013904223u;
    return snapshot_seed >> 8;
}

static void snapshot_transfer(volatile unsigned char *memory, size_t pages)
{
    size_t from = snapshot_random() % pages, to = snapshot_random() % pages;
    unsigned amount = snapshot_random() % 100;

    *snapshot_account(memory, from) -= amount;
    *snapshot_account(memory, to) += amount;
}

static void snapshot_show(const char *what, const unsigned *state, size_t pages)
{
    unsigned sum = 0, fingerprint = 0;

    for (size_t i = 0; i < pages; i++) {
        sum += state[i];
        fingerprint = fingerprint * 31 + state[i];
    }
    printf("%-36s  %10u  %12u\n", what, sum, fingerprint);
}

static void snapshot_show_now(const char *what, volatile unsigned char *memory, size_t pages)
{
    static unsigned state[COURSE_PAGES_MAX];

    for (size_t i = 0; i < pages; i++)
        state[i] = *snapshot_account(memory, i);
    snapshot_show(what, state, pages);
}

static _Noreturn void snapshot_save(struct snapshot *disk, volatile unsigned char *memory,
                                    size_t pages)
{
    disk->turn = SNAPSHOT_READY;
    for (size_t i = 0; i < pages; i++) {
        course_await(&disk->turn, (int)(2 * i + 1));
        disk->saved[i] = *snapshot_account(memory, i);
        disk->turn++;
    }
    course_await(&disk->turn, (int)(2 * pages + 1));
    _exit(0);
}

/* Lets a child save the state, and makes a transfer after each account that it saved.  Returns: the
 * frames that these took. */
static long snapshot_by_fork(struct snapshot *disk, volatile unsigned char *memory, size_t pages)
{
    pid_t pid;
    long frames;

    disk->turn = -1;
    pid = course_child();
    if (pid == 0)
        snapshot_save(disk, memory, pages);
    course_await(&disk->turn, SNAPSHOT_READY);
    *(volatile unsigned *)&snapshot_seed =
        snapshot_seed; /* its page is this process's own from here on */
    frames = course_frames();
    for (size_t i = 0; i < pages; i++) {
        disk->turn++;
        course_await(&disk->turn, (int)(2 * i + 2));
        snapshot_transfer(memory, pages);
    }
    frames = course_frames() - frames;
    disk->turn++;
    course_wait(pid);
    return frames;
}

int main(int argc, char **argv)
{
    size_t pages = course_pages(argc, argv, 64);
    volatile unsigned char *memory = course_map(pages, MAP_PRIVATE);
    struct snapshot *disk = (struct snapshot *)(uintptr_t)course_map(
        (sizeof(struct snapshot) + COURSE_PAGE - 1) / COURSE_PAGE, MAP_SHARED);
    long frames;

    for (size_t i = 0; i < pages; i++)
        *snapshot_account(memory, i) = SNAPSHOT_START;
    for (size_t i = 0; i < COURSE_PAGES_MAX; i++)
        disk->saved[i] = 0;
    printf("%-36s  %10s  %12s\n", "state", "sum", "fingerprint");
    for (size_t i = 0; i < pages; i++) {
        disk->saved[i] = *snapshot_account(memory, i);
        snapshot_transfer(memory, pages);
    }
    snapshot_show("saved while it changed, no snapshot", disk->saved, pages);
    snapshot_show_now("as of the fork", memory, pages);
    fflush(stdout);
    frames = snapshot_by_fork(disk, memory, pages);
    snapshot_show("saved by the child while it changed", disk->saved, pages);
    snapshot_show_now("now", memory, pages);
    printf("%zu transfers while the child saved copied %ld of %zu pages.\n", pages, frames, pages);
    return 0;
}
