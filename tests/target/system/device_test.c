/* A device that the boot arguments name, as programs see it: the goldfish RTC of QEMU's virt machine,
 * whose time goes on and whose alarm registers keep what is written.  Whether the time is right, and
 * that no other device can be opened: tests/target/boot/open_device_test.py. */
#include "fork_kit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define RTC "/dev/google,goldfish-rtc@101000"

/* Registers, by word.  A read of the low half keeps the high one as it is at that moment.  The alarm is
 * not set off by what is written to its high half alone. */
enum { RTC_LOW, RTC_HIGH, RTC_ALARM_LOW, RTC_ALARM_HIGH };

FORK_LAW("kernel: free frames", FAULTLINE_KERNEL, FL_COUNTER_FRAMES_FREE)
FORK_LAW("kernel: objects", FAULTLINE_KERNEL, FL_COUNTER_OBJECTS)
FORK_LAW("kernel: capabilities", FAULTLINE_KERNEL, FL_COUNTER_CAPABILITIES)
FORK_LAW("pager: entries", FAULTLINE_PAGER, PAGER_STAT_ENTRIES)
FORK_LAW("pager: objects", FAULTLINE_PAGER, PAGER_STAT_OBJECTS)

/* Forks put new records in the place of old ones, which may spread over one frame more. */
TEST_LAW("pager: frames that are free or hold records")
{
    return fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES) +
           fork_counter(FAULTLINE_PAGER, PAGER_STAT_METADATA_FRAMES);
}

static volatile uint32_t *device_map(int protection)
{
    int fd = open(RTC, O_RDWR);
    void *at;

    CHECK(fd >= 0);
    at = mmap(NULL, FORK_PAGE, protection, MAP_SHARED, fd, 0);
    CHECK(at != MAP_FAILED);
    CHECK_EQ(close(fd), 0);
    return at;
}

static void device_unmap(volatile uint32_t *registers)
{
    CHECK_EQ(munmap((void *)registers, FORK_PAGE), 0);
}

static uint64_t device_time(const volatile uint32_t *registers)
{
    uint64_t low = registers[RTC_LOW];

    return (uint64_t)registers[RTC_HIGH] << 32 | low;
}

TEST("the clock goes on, and its pages are neither resident nor charged to the program")
{
    volatile uint32_t *registers = device_map(PROT_READ);
    uint64_t frames = fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES);
    uint64_t first = device_time(registers);

    while (device_time(registers) == first)
        ;
    CHECK(device_time(registers) > first);
    CHECK_EQ(fork_counter(FAULTLINE_PAGER, PAGER_STAT_FREE_FRAMES), frames);
    device_unmap(registers);
}

static volatile uint32_t *device_shared;

static int device_write_in_child(void)
{
    CHILD_CHECK(device_shared[RTC_ALARM_HIGH] == 0x1234);
    CHILD_CHECK(device_time(device_shared) > 0);
    device_shared[RTC_ALARM_HIGH] = 0x5678;
    return 7;
}

TEST("a fork shares the mapping: what the child writes is in the registers that the parent reads")
{
    device_shared = device_map(PROT_READ | PROT_WRITE);
    device_shared[RTC_ALARM_HIGH] = 0x1234;
    CHECK_EQ(fork_run(device_write_in_child), EXITED(7));
    CHECK_EQ(device_shared[RTC_ALARM_HIGH], 0x5678);
    device_unmap(device_shared);
}

TEST("a child that ends with the mapping and the handle leaves nothing behind")
{
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            int fd = open(RTC, O_RDWR);
            volatile uint32_t *at =
                mmap(NULL, FORK_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

            CHILD_CHECK(fd >= 0 && at != MAP_FAILED && device_time(at) > 0);
            if (i % 2)
                kill(getpid(), SIGKILL);
            _exit(0);
        }
        CHECK(pid > 0);
        CHECK_EQ(fork_wait(pid), i % 2 ? SIGKILL : 0);
    }
}

TEST("stat tells a character device of one page, by path and by handle")
{
    struct stat named, opened;
    int fd = open(RTC, O_RDONLY);

    CHECK(fd >= 0);
    CHECK_EQ(stat(RTC, &named), 0);
    CHECK_EQ(fstat(fd, &opened), 0);
    CHECK(S_ISCHR(named.st_mode) && S_ISCHR(opened.st_mode));
    CHECK_EQ(named.st_size, FORK_PAGE);
    CHECK_EQ(opened.st_size, FORK_PAGE);
    CHECK_EQ(named.st_ino, opened.st_ino);
    CHECK_EQ(close(fd), 0);
}

TEST("private, executable, writable without the right, and past the end: no such mapping")
{
    static const struct {
        int open_flags, protection, flags;
        off_t offset;
        size_t bytes;
        int error;
    } cases[] = {{O_RDWR, PROT_READ, MAP_PRIVATE, 0, FORK_PAGE, EINVAL},
                 {O_RDWR, PROT_READ | PROT_EXEC, MAP_SHARED, 0, FORK_PAGE, EPERM},
                 {O_RDWR, PROT_READ, MAP_SHARED, FORK_PAGE, FORK_PAGE, EINVAL},
                 {O_RDWR, PROT_READ, MAP_SHARED, 0, FORK_PAGE + 1, EINVAL},
                 {O_RDONLY, PROT_READ | PROT_WRITE, MAP_SHARED, 0, FORK_PAGE, EACCES},
                 {O_WRONLY, PROT_WRITE, MAP_SHARED, 0, FORK_PAGE, EACCES}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = open(RTC, cases[i].open_flags);

        CHECK(fd >= 0);
        errno = 0;
        CHECK(mmap(NULL, cases[i].bytes, cases[i].protection, cases[i].flags, fd,
                   cases[i].offset) == MAP_FAILED);
        CHECK_EQ(errno, cases[i].error);
        CHECK_EQ(close(fd), 0);
    }
}

TEST("a mapping gets no right later that it could not have had")
{
    volatile uint32_t *registers = device_map(PROT_READ);

    CHECK_EQ(mprotect((void *)registers, FORK_PAGE, PROT_READ | PROT_EXEC), -1);
    CHECK_EQ(errno, EACCES);
    CHECK_EQ(mprotect((void *)registers, FORK_PAGE, PROT_READ | PROT_WRITE), 0);
    registers[RTC_ALARM_HIGH] = 9;
    CHECK_EQ(registers[RTC_ALARM_HIGH], 9);
    device_unmap(registers);
}

TEST("read, write, lseek, ftruncate, unlink and rename are refused, and calls take no buffer there")
{
    volatile uint32_t *registers = device_map(PROT_READ | PROT_WRITE);
    int fd = open(RTC, O_RDWR), file = open("/tmp/device", O_RDWR | O_CREAT, 0666);
    char bytes[4] = "abc";

    CHECK(fd >= 0 && file >= 0);
    CHECK(read(fd, bytes, sizeof bytes) == -1 && errno == EINVAL);
    CHECK(write(fd, bytes, sizeof bytes) == -1 && errno == EINVAL);
    CHECK(lseek(fd, 0, SEEK_END) == -1 && errno == ESPIPE);
    CHECK(ftruncate(fd, 0) == -1 && errno == EINVAL);
    CHECK(unlink(RTC) == -1 && errno == EROFS);
    CHECK(rename(RTC, "/dev/clock") == -1 && errno == EROFS);
    CHECK(write(file, (const void *)registers, 4) == -1 && errno == EFAULT);
    CHECK_EQ(unlink("/tmp/device"), 0);
    CHECK_EQ(close(file), 0);
    CHECK_EQ(close(fd), 0);
    device_unmap(registers);
}

TEST("the mapping stands in /proc/self/maps with the name of the device")
{
    volatile uint32_t *registers = device_map(PROT_READ);
    char text[4096];
    int fd = open("/proc/self/maps", O_RDONLY);
    ssize_t bytes = read(fd, text, sizeof text - 1);

    CHECK(bytes > 0);
    text[bytes] = '\0';
    CHECK(strstr(text, " r--s 00000000 00:01 "));
    CHECK(strstr(text, " " RTC "\n"));
    CHECK_EQ(close(fd), 0);
    device_unmap(registers);
}
