/* Lines "group | case | answer" of the programs that run on Linux too and are compared with it. */
#ifndef TEST_ANSWERS_H
#define TEST_ANSWERS_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Names and not numbers: those differ between systems. */
static inline const char *answer_name(int error)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {{0, "0"},
                 {EPERM, "EPERM"},
                 {ENOENT, "ENOENT"},
                 {EBADF, "EBADF"},
                 {ECHILD, "ECHILD"},
                 {EAGAIN, "EAGAIN"},
                 {ENOMEM, "ENOMEM"},
                 {EACCES, "EACCES"},
                 {EFAULT, "EFAULT"},
                 {EBUSY, "EBUSY"},
                 {EEXIST, "EEXIST"},
                 {EXDEV, "EXDEV"},
                 {ENODEV, "ENODEV"},
                 {ENOTDIR, "ENOTDIR"},
                 {EISDIR, "EISDIR"},
                 {EINVAL, "EINVAL"},
                 {EMFILE, "EMFILE"},
                 {ENOTTY, "ENOTTY"},
                 {EFBIG, "EFBIG"},
                 {ENOSPC, "ENOSPC"},
                 {ESPIPE, "ESPIPE"},
                 {EROFS, "EROFS"},
                 {ENAMETOOLONG, "ENAMETOOLONG"},
                 {ENOSYS, "ENOSYS"},
                 {EOVERFLOW, "EOVERFLOW"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].error == error)
            return names[i].name;
    return "another error";
}

/* The error of a call that returned -1, else 0. */
static inline const char *answer_result(long result)
{
    return answer_name(result == -1 ? errno : 0);
}

/* Says how a call went that returned -1 with errno, or something else. */
static inline void tell(const char *group, const char *text, long result)
{
    printf("%s | %s | %s\n", group, text, answer_result(result));
}

static inline void tell_map(const char *group, const char *text, const void *result)
{
    tell(group, text, result == MAP_FAILED ? -1 : 0);
}

static inline void tell_value(const char *group, const char *text, long value)
{
    printf("%s | %s | %ld\n", group, text, value);
}

/* A count of bytes, or the error. */
static inline void tell_count(const char *group, const char *text, long count)
{
    if (count < 0)
        tell(group, text, count);
    else
        tell_value(group, text, count);
}

static inline void tell_text(const char *group, const char *text, const char *answer)
{
    printf("%s | %s | %s\n", group, text, answer);
}

#endif
