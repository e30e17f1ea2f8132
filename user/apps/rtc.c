/* Reads the date from a clock whose registers it maps: the goldfish RTC of QEMU's virt machine, once the
 * machine is booted with device=google,goldfish-rtc.
 *
 * usage: rtc [PATH] */
#include <errno.h>
#include <faultline/process.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RTC_PAGE_BYTES 4096u

/* A read of LOW keeps HIGH as it is at that moment: together nanoseconds since 1970. */
enum rtc_register { RTC_TIME_LOW = 0x00, RTC_TIME_HIGH = 0x04 };

/* The first clock of this kind that programs may open.  NULL: there is none. */
static const char *rtc_find(void)
{
    static char path[256];
    uint64_t bytes;

    for (unsigned i = 0; faultline_file_name(i, path, sizeof path, &bytes) == 0; i++)
        if (strncmp(path, "/dev/google,goldfish-rtc@", 25) == 0)
            return path;
    return NULL;
}

static const volatile uint32_t *rtc_map(const char *path)
{
    int fd = open(path, O_RDONLY);
    void *registers;

    if (fd < 0)
        return NULL;
    registers = mmap(NULL, RTC_PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    return registers == MAP_FAILED ? NULL : registers;
}

static uint64_t rtc_read_ns(const volatile uint32_t *registers)
{
    uint64_t low = registers[RTC_TIME_LOW / 4];

    return (uint64_t)registers[RTC_TIME_HIGH / 4] << 32 | low;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : rtc_find();
    const volatile uint32_t *registers;
    time_t seconds;
    char date[64];

    if (!path) {
        fprintf(stderr, "rtc: no clock may be opened: boot with device=google,goldfish-rtc\n");
        return 1;
    }
    registers = rtc_map(path);
    if (!registers) {
        fprintf(stderr, "rtc: %s: %s\n", path, strerror(errno));
        return 1;
    }
    seconds = (time_t)(rtc_read_ns(registers) / 1000000000u);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", gmtime(&seconds));
    printf("%s\n", date);
    return 0;
}
