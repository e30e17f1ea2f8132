/* Text and constants are shared with the file in memory, initialised data is private: a frame is
 * taken only for data that is written.  A second instance shows that it sees none of the changes.
 * (Free frames are the whole system's: run it alone.) */
#include <faultline/process.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "protocol.h"

#define PAGES 16
#define BYTES (PAGES * 4096)

static const unsigned char constants[BYTES] __attribute__((aligned(4096))) = {7};
static unsigned char data[BYTES] __attribute__((aligned(4096))) = {7};
static unsigned char zeros[BYTES] __attribute__((aligned(4096)));

static long faults_before;
static uint64_t frames_before;

static uint64_t segments_free_frames(void)
{
    uint64_t frames = 0;

    faultline_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES, &frames);
    return frames;
}

static void segments_start(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    faults_before = usage.ru_minflt;
    frames_before = segments_free_frames();
}

static long segments_report(const char *what)
{
    long taken = (long)(frames_before - segments_free_frames());
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    printf("%-36s %8ld %8ld\n", what, usage.ru_minflt - faults_before, taken);
    segments_start();
    return taken;
}

static unsigned segments_read(const volatile unsigned char *bytes)
{
    unsigned sum = 0;

    for (int i = 0; i < PAGES; i++)
        sum += bytes[i * 4096];
    return sum;
}

static void segments_write(volatile unsigned char *bytes)
{
    for (int i = 0; i < PAGES; i++)
        bytes[i * 4096] = 9;
}

/* Runs this program again.  Returns: its status. */
static int segments_run_second(void)
{
    int status = -1;
    pid_t pid = faultline_spawn((char *[]){"segments", "second", NULL});

    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        perror("segments: second instance");
    return status;
}

int main(int argc, char **argv)
{
    int second_sees_own;
    long taken_to_read, taken_to_write;

    if (argc > 1 && strcmp(argv[1], "second") == 0) {
        printf("second instance: data[0] at %p is %d\n", (void *)data, data[0]);
        return data[0] == 7 ? 0 : 1;
    }
    printf("%-36s %8s %8s\n", "step (16 pages each)", "faults", "frames");
    segments_start();
    segments_report("nothing");
    segments_read(constants);
    taken_to_read = segments_report("read constants (in place, shared)");
    segments_read(data);
    taken_to_read += segments_report("read initialised data (still shared)");
    segments_write(data);
    taken_to_write = segments_report("write initialised data (private)");
    segments_write(zeros);
    segments_report("write uninitialised data");
    printf("first instance: data[0] at %p is %d\n", (void *)data, data[0]);
    fflush(stdout);
    second_sees_own = segments_run_second() == 0;
    return taken_to_read < PAGES && taken_to_write >= PAGES && second_sees_own ? 0 : 1;
}
