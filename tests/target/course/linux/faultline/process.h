/* The part of <faultline/process.h> that course programs use, on Linux: so that the same source runs there.
 *
 * There "frames" are those of the anonymous and shared memory of this process group (a frame that several
 * share counts once), as /proc tells them; faults are the whole system's.  Other counters are 0.  What counts has
 * all of its memory from the first call on: how much of it is used depends on the other processes of the host. */
#ifndef FAULTLINE_PROCESS_H
#define FAULTLINE_PROCESS_H

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

enum faultline_source { FAULTLINE_KERNEL, FAULTLINE_PAGER };

/* The number behind `key` in a file of /proc, or 0. */
static inline uint64_t linux_number(const char *path, const char *key)
{
    static char text[16384];
    ssize_t bytes = 0, part;
    int fd = open(path, O_RDONLY);
    const char *at;

    memset(text, 0, sizeof text);
    if (fd < 0)
        return 0;
    while ((part = read(fd, text + bytes, sizeof text - 1 - (size_t)bytes)) > 0)
        bytes += part;
    close(fd);
    text[bytes] = '\0';
    at = strstr(text, key);
    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static inline uint64_t linux_kib_of(const char *pid)
{
    char path[300];

    snprintf(path, sizeof path, "/proc/%s/smaps_rollup", pid);
    return linux_number(path, "\nPss_Anon:") + linux_number(path, "\nPss_Shmem:");
}

/* Frames of all processes of this group.  Shares of a frame are told in KiB, rounded down. */
static inline uint64_t linux_frames(void)
{
    static char entries[32768];
    int fd = open("/proc", O_RDONLY | O_DIRECTORY);
    uint64_t kib = 0, processes = 0;
    long bytes;

    memset(entries, 0, sizeof entries);
    while ((bytes = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0)
        for (long at = 0; at < bytes;) {
            struct dirent64 *entry = (struct dirent64 *)(entries + at);

            at += entry->d_reclen;
            if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
                getpgid((pid_t)atoi(entry->d_name)) != getpgrp())
                continue;
            kib += linux_kib_of(entry->d_name);
            processes++;
        }
    close(fd);
    return (kib + processes) / 4;
}

static inline int faultline_counter(enum faultline_source source, unsigned which, uint64_t *value)
{
    *value = 0;
    if (source == FAULTLINE_PAGER && which == PAGER_STAT_FREE_FRAMES)
        *value = ((uint64_t)1 << 40) - linux_frames();
    else if (source == FAULTLINE_PAGER && which == PAGER_STAT_MINOR_FAULTS)
        *value = linux_number("/proc/vmstat", "\npgfault ");
    else if (source == FAULTLINE_PAGER && which == PAGER_STAT_MAJOR_FAULTS)
        *value = linux_number("/proc/vmstat", "\npgmajfault ");
    return 0;
}

/* Nanoseconds: an ordinary program of Linux may count nothing finer everywhere. */
static inline uint64_t faultline_cycles(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Starts the program that lies beside this one.  (Not by posix_spawn: that uses memory of ours a little
 * longer than until the other program runs.) */
static inline pid_t faultline_spawn(char *const argv[])
{
    static char path[4096];
    ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 300);
    pid_t pid;

    while (bytes > 0 && path[bytes - 1] != '/')
        bytes--;
    snprintf(path + bytes, 300, "%s", argv[0]);
    pid = vfork();
    if (pid == 0) {
        execv(path, argv);
        _exit(127);
    }
    return pid;
}

#endif
