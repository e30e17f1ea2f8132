/* What the file calls answer, a line a case: "group | case | answer".  The same source runs on Linux,
 * and files_test.py compares the two.
 * usage: files FOLDER
 *
 * FOLDER can be written, and holds nothing but what this program puts there. */
#include "answers.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIG_BYTES 700001u /* more than one message to the pager copies, and no whole pages */

static const char *folder;
static char name_a[100], name_b[100], name_c[100];
static char big[BIG_BYTES], big_again[BIG_BYTES];

static void make_file(const char *name, const char *text)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0666);

    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        tell("broken", name, -1);
    close(fd);
}

static long size_of(const char *name)
{
    struct stat status;

    return stat(name, &status) ? -1 : (long)status.st_size;
}

/* Tells up to 31 bytes from the start of a file; '.' for a zero. */
static void tell_contents(const char *group, const char *text, const char *name)
{
    char bytes[32] = "";
    int fd = open(name, O_RDONLY);
    ssize_t count = read(fd, bytes, sizeof bytes - 1);

    for (ssize_t i = 0; i < count; i++)
        bytes[i] = bytes[i] ? bytes[i] : '.';
    tell_text(group, text, fd < 0 ? "missing" : bytes);
    close(fd);
}

/* --- open: each mode with each flag, on a file that is there and one that is not --- */
static void tell_open(const char *text, int flags)
{
    char answer[120];
    char byte = 'x';
    int fd = open(name_a, flags, 0666);
    const char *opened = answer_result(fd);
    const char *got = answer_result(read(fd, &byte, 1));
    const char *put = answer_result(write(fd, &byte, 1));

    snprintf(answer, sizeof answer, "open %s, read %s, write %s, then at %ld of %ld", opened, got,
             put, (long)lseek(fd, 0, SEEK_CUR), size_of(name_a));
    tell_text("open", text, answer);
    close(fd);
}

static void tell_opens(void)
{
    static const struct {
        const char *name;
        int flags;
    } modes[] = {{"RDONLY", O_RDONLY}, {"WRONLY", O_WRONLY}, {"RDWR", O_RDWR}},
      extras[] = {{"", 0},
                  {" EXCL", O_EXCL},
                  {" CREAT", O_CREAT},
                  {" CREAT EXCL", O_CREAT | O_EXCL},
                  {" TRUNC", O_TRUNC},
                  {" CREAT TRUNC", O_CREAT | O_TRUNC},
                  {" CREAT EXCL TRUNC", O_CREAT | O_EXCL | O_TRUNC},
                  {" APPEND", O_APPEND},
                  {" CREAT APPEND", O_CREAT | O_APPEND}};

    for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++)
        for (size_t e = 0; e < sizeof extras / sizeof extras[0]; e++)
            for (int there = 0; there < 2; there++) {
                char text[80];

                if (modes[m].flags == O_RDONLY && extras[e].flags & O_TRUNC)
                    continue; /* POSIX leaves it open */
                unlink(name_a);
                if (there)
                    make_file(name_a, "abc");
                snprintf(text, sizeof text, "%s%s, %s", modes[m].name, extras[e].name,
                         there ? "there" : "missing");
                tell_open(text, modes[m].flags | extras[e].flags);
            }
}

/* --- paths: each call that takes one, with each kind of path --- */
static int path_open(const char *path)
{
    int fd = open(path, O_RDONLY);

    return fd < 0 ? -1 : close(fd);
}
static int path_open_write(const char *path)
{
    int fd = open(path, O_RDWR);

    return fd < 0 ? -1 : close(fd);
}
static int path_create(const char *path)
{
    int fd = creat(path, 0666);

    return fd < 0 ? -1 : close(fd);
}
static int path_stat(const char *path)
{
    struct stat status;

    return stat(path, &status);
}
static int path_lstat(const char *path)
{
    struct stat status;

    return lstat(path, &status);
}
static int path_exists(const char *path)
{
    return access(path, F_OK);
}
static int path_writable(const char *path)
{
    return access(path, R_OK | W_OK);
}
static int path_access_bad(const char *path)
{
    return access(path, 64);
}
static int path_truncate(const char *path)
{
    return truncate(path, 2);
}
static int path_truncate_bad(const char *path)
{
    return truncate(path, -1);
}
static int path_rename_from(const char *path)
{
    return strcmp(path, folder) == 0 ? -2 : rename(path, name_b); /* nobody may move it */
}
static int path_rename_to(const char *path)
{
    make_file(name_b, "b");
    return strcmp(path, folder) == 0 ? -2 : rename(name_b, path);
}

static const struct {
    const char *name;
    int (*call)(const char *path);
} path_calls[] = {
    {"open", path_open},
    {"open to write", path_open_write},
    {"creat", path_create},
    {"stat", path_stat},
    {"lstat", path_lstat},
    {"access", path_exists},
    {"access to write", path_writable},
    {"access, bad mode", path_access_bad},
    {"truncate", path_truncate},
    {"truncate, negative", path_truncate_bad},
    {"unlink", unlink},
    {"rename from", path_rename_from},
    {"rename to", path_rename_to},
};
#define PATH_CALLS (sizeof path_calls / sizeof path_calls[0])

static void tell_paths(void)
{
    static char missing[120], nowhere[120], below_file[120], slashes[120], dot[120], parts[120],
        slash_end[120], long_name[400], name_fits[400], long_path[5000];
    const struct {
        const char *name, *path;
    } paths[] = {{"a file", name_a},
                 {"missing", missing},
                 {"empty", ""},
                 {"folder", folder},
                 {"folder missing", nowhere},
                 {"below a file", below_file},
                 {"two slashes", slashes},
                 {"dot", dot},
                 {"dot dot", parts},
                 {"slash at the end", slash_end},
                 {"name too long", long_name},
                 {"path too long", long_path}};

    snprintf(missing, sizeof missing, "%s/files_missing", folder);
    snprintf(nowhere, sizeof nowhere, "%s/files_missing/a", folder);
    snprintf(below_file, sizeof below_file, "%s/a", name_a);
    snprintf(slashes, sizeof slashes, "%s//files_a", folder);
    snprintf(dot, sizeof dot, "%s/./files_a", folder);
    snprintf(parts, sizeof parts, "%s/../%s/files_a", folder, strrchr(folder, '/'));
    snprintf(slash_end, sizeof slash_end, "%s/files_a/", folder);
    snprintf(long_name, sizeof long_name, "%s/%0256d", folder, 0);
    snprintf(long_path, sizeof long_path, "%s/%04200d", folder, 0);
    for (size_t i = strlen(folder); i < strlen(long_path); i += 100)
        long_path[i] = '/';
    for (size_t c = 0; c < PATH_CALLS; c++)
        for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
            char text[80];
            int result;

            make_file(name_a, "abc");
            snprintf(text, sizeof text, "%s: %s", path_calls[c].name, paths[p].name);
            result = path_calls[c].call(paths[p].path);
            if (result != -2)
                tell("paths", text, result);
            unlink(missing);
        }
    snprintf(name_fits, sizeof name_fits, "%s/%0255d", folder, 0);
    tell("paths", "creat: the longest name", path_create(name_fits));
    tell("paths", "unlink: the longest name", unlink(name_fits));
    unlink(name_b);
}

/* --- descriptors --- */
static void tell_descriptors(void)
{
    struct stat status;
    char byte;
    int fds[2] = {-1, 99999};

    for (int i = 0; i < 2; i++) {
        const char *group = i ? "descriptor too large" : "descriptor negative";

        tell(group, "read", read(fds[i], &byte, 1));
        tell(group, "write", write(fds[i], &byte, 1));
        tell(group, "pread", pread(fds[i], &byte, 1, 0));
        tell(group, "pwrite", pwrite(fds[i], &byte, 1, 0));
        tell(group, "lseek", lseek(fds[i], 0, SEEK_SET));
        tell(group, "fstat", fstat(fds[i], &status));
        tell(group, "ftruncate", ftruncate(fds[i], 0));
        tell(group, "dup", dup(fds[i]));
        tell(group, "dup2 from", dup2(fds[i], 5));
        tell(group, "dup2 to", dup2(1, fds[i]));
        tell(group, "close", close(fds[i]));
        tell(group, "isatty", isatty(fds[i]) ? 0 : -1);
        tell_map(group, "mmap", mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fds[i], 0));
    }
}

static void tell_duplicates(void)
{
    char bytes[4] = "";
    int fd, again, other;

    make_file(name_a, "abcdefgh");
    make_file(name_b, "ABCDEFGH");
    fd = open(name_a, O_RDWR);
    again = dup(fd);
    other = open(name_b, O_RDONLY);
    tell_value("dup", "lowest free number", again == fd + 1 && other == fd + 2);
    tell_count("dup", "read by one", read(fd, bytes, 3));
    tell_count("dup", "the other is there too", lseek(again, 0, SEEK_CUR));
    tell("dup", "close one", close(fd));
    tell_count("dup", "the other goes on", read(again, bytes, 3));
    tell_text("dup", "where the first was", bytes);
    tell_value("dup", "the number is free again", dup(other) == fd);
    tell_value("dup", "dup2 onto an open one", dup2(again, fd) == fd);
    tell_count("dup", "is the same file then", lseek(fd, 0, SEEK_CUR));
    tell_value("dup", "dup2 onto itself", dup2(fd, fd) == fd);
    tell_count("dup", "the file that was there is still open", lseek(other, 0, SEEK_CUR));
    tell("dup", "isatty of a file", isatty(fd) ? 0 : -1);
    close(fd);
    close(again);
    close(other);
    tell("dup", "closed", close(fd));
}

/* --- offsets --- */
static void tell_seeks(int fd)
{
    static const struct {
        const char *name;
        off_t offset;
        int whence;
    } seeks[] = {{"SET", 3, SEEK_SET},
                 {"CUR", 2, SEEK_CUR},
                 {"END", -1, SEEK_END},
                 {"behind the end", 100, SEEK_END},
                 {"SET negative", -1, SEEK_SET},
                 {"CUR to before the start", -200, SEEK_CUR},
                 {"END to before the start", -9, SEEK_END},
                 {"bad whence", 0, 77},
                 {"bad whence, negative", 0, -1},
                 {"where it is after all", 0, SEEK_CUR}};

    for (size_t i = 0; i < sizeof seeks / sizeof seeks[0]; i++)
        tell_count("offsets", seeks[i].name, lseek(fd, seeks[i].offset, seeks[i].whence));
}

static void tell_offsets(void)
{
    char bytes[32] = "";
    int fd, append;

    make_file(name_a, "abcdefgh");
    fd = open(name_a, O_RDWR);
    tell_seeks(fd);
    tell_count("offsets", "read behind the end", read(fd, bytes, 5));
    tell_count("offsets", "write there", write(fd, "X", 1));
    tell_value("offsets", "size then", size_of(name_a));
    lseek(fd, 6, SEEK_SET);
    tell_count("offsets", "read over the end of what was", read(fd, bytes, 6));
    tell_value("offsets", "the hole is zero", bytes[2] + bytes[3] + bytes[4] + bytes[5]);
    tell_count("offsets", "pread", pread(fd, bytes, 3, 1));
    tell_text("offsets", "what it read", bytes[0] == 'b' && bytes[2] == 'd' ? "bcd" : "else");
    tell_count("offsets", "pwrite", pwrite(fd, "YZ", 2, 3));
    tell_count("offsets", "neither moved", lseek(fd, 0, SEEK_CUR));
    tell_count("offsets", "pread, negative", pread(fd, bytes, 1, -1));
    tell_count("offsets", "pwrite, negative", pwrite(fd, bytes, 1, -5));
    tell_count("offsets", "pread behind the end", pread(fd, bytes, 1, 1000));
    tell_count("offsets", "pwrite behind the end", pwrite(fd, "!", 1, 9000));
    tell_value("offsets", "size then", size_of(name_a));
    tell_count("offsets", "read nothing", read(fd, bytes, 0));
    tell_count("offsets", "write nothing", write(fd, bytes, 0));
    tell_count("offsets", "write nothing behind the end", pwrite(fd, bytes, 0, 20000));
    tell_value("offsets", "size is as it was", size_of(name_a));
    tell_contents("offsets", "contents", name_a);
    append = open(name_a, O_WRONLY | O_APPEND);
    ftruncate(fd, 3);
    tell_count("offsets", "append begins at 0", lseek(append, 0, SEEK_CUR));
    write(append, "1", 1);
    pwrite(fd, "23", 2, 4);
    lseek(append, 0, SEEK_SET);
    write(append, "4", 1);
    tell_count("offsets", "append ends at the end", lseek(append, 0, SEEK_CUR));
    tell_contents("offsets", "appended", name_a);
    tell_count("offsets", "pread of the console", pread(1, bytes, 1, 0));
    tell_count("offsets", "lseek of the console", lseek(1, 0, SEEK_SET));
    tell("offsets", "ftruncate of the console", ftruncate(1, 0));
    close(append);
    close(fd);
}

static void tell_big(void)
{
    int fd = open(name_a, O_RDWR | O_CREAT | O_TRUNC, 0666), differ = 0;

    for (unsigned i = 0; i < BIG_BYTES; i++)
        big[i] = (char)(i * 7 + i / 4096);
    tell_count("big", "write", write(fd, big, BIG_BYTES));
    tell_count("big", "where it ended", lseek(fd, 0, SEEK_CUR));
    tell_value("big", "size", size_of(name_a));
    tell_count("big", "read at its end", read(fd, big_again, BIG_BYTES));
    lseek(fd, 1, SEEK_SET);
    tell_count("big", "read more than there is", read(fd, big_again, BIG_BYTES));
    for (unsigned i = 0; i + 1 < BIG_BYTES; i++)
        differ += big_again[i] != big[i + 1];
    tell_value("big", "bytes that differ", differ);
    tell_count("big", "pwrite over its middle", pwrite(fd, big, 300001, 200001));
    tell_count("big", "pread of its middle", pread(fd, big_again, 300001, 200001));
    tell_value("big", "is what was written", memcmp(big, big_again, 300001));
    tell_value("big", "size", size_of(name_a));
    close(fd);
    unlink(name_a);
}

/* --- size --- */
static void tell_sizes(void)
{
    char bytes[16] = "";
    int fd, reader;

    make_file(name_a, "abcdefgh");
    fd = open(name_a, O_RDWR);
    reader = open(name_a, O_RDONLY);
    lseek(fd, 5, SEEK_SET);
    tell("size", "shrink", ftruncate(fd, 3));
    tell_count("size", "the offset stays", lseek(fd, 0, SEEK_CUR));
    tell_count("size", "read there", read(fd, bytes, 4));
    tell("size", "grow", ftruncate(fd, 6));
    tell_contents("size", "what was cut is zero", name_a);
    tell("size", "negative", ftruncate(fd, -1));
    tell("size", "huge", ftruncate(fd, 1l << 62));
    tell("size", "of a reader", ftruncate(reader, 0));
    tell_value("size", "as it was", size_of(name_a));
    tell("size", "to 1 GiB", ftruncate(fd, 1l << 30));
    tell_count("size", "read in its middle", pread(fd, bytes, 4, 1l << 29));
    tell_value("size", "is zero", bytes[0] + bytes[3]);
    tell_count("size", "write near its end", pwrite(fd, "end", 3, (1l << 30) - 3));
    tell_count("size", "read it", pread(fd, bytes, 9, (1l << 30) - 3));
    tell("size", "to a page and a half", truncate(name_a, 6000));
    tell("size", "to what it has", ftruncate(fd, 6000));
    tell_value("size", "told", size_of(name_a));
    tell("size", "to nothing", truncate(name_a, 0));
    tell_count("size", "read by another", read(reader, bytes, 4));
    tell("size", "open with O_TRUNC", open(name_a, O_WRONLY | O_TRUNC) < 0 ? -1 : 0);
    close(fd);
    close(reader);
}

/* --- names --- */
static void tell_unlinked(void)
{
    struct stat old, new;
    char bytes[8] = "";
    int fd, other;

    make_file(name_a, "kept");
    fd = open(name_a, O_RDWR);
    fstat(fd, &old);
    tell("names", "unlink while open", unlink(name_a));
    tell("names", "it has no name", path_stat(name_a));
    tell("names", "unlink again", unlink(name_a));
    tell_count("names", "it is read all the same", read(fd, bytes, 4));
    tell_text("names", "what was read", bytes);
    tell_count("names", "and written", write(fd, "more", 4));
    make_file(name_a, "new");
    other = open(name_a, O_RDONLY);
    fstat(other, &new);
    tell_value("names", "one of that name is another file", old.st_ino != new.st_ino);
    fstat(fd, &old);
    tell_value("names", "size of the old one", (long)old.st_size);
    tell_contents("names", "contents of the new one", name_a);
    tell_value("names", "is a file", S_ISREG(new.st_mode));
    stat(folder, &new);
    tell_value("names", "is a folder", S_ISDIR(new.st_mode));
    close(fd);
    close(other);
}

static void tell_renamed(void)
{
    struct stat before, after;
    char bytes[8] = "";
    int fd;

    make_file(name_a, "one");
    make_file(name_b, "two");
    stat(name_a, &before);
    fd = open(name_b, O_RDONLY);
    tell("names", "rename over another", rename(name_a, name_b));
    tell("names", "the old name is gone", path_stat(name_a));
    tell_contents("names", "the new name has it", name_b);
    stat(name_b, &after);
    tell_value("names", "it is the same file", before.st_ino == after.st_ino);
    tell_count("names", "who had the other open reads on", read(fd, bytes, 7));
    tell_text("names", "what was there", bytes);
    close(fd);
    tell("names", "rename to itself", rename(name_b, name_b));
    tell_contents("names", "it is there", name_b);
    fd = open(name_b, O_RDWR);
    tell("names", "rename while open", rename(name_b, name_c));
    write(fd, "ONE!", 4);
    tell_contents("names", "what was written since", name_c);
    close(fd);
    tell("names", "rename of nothing", rename(name_a, name_c));
    tell_contents("names", "leaves the other", name_c);
    tell("names", "unlink of a folder", unlink(folder));
    tell("names", "unlink", unlink(name_c));
}

/* --- fork --- */
/* Runs `child` with the descriptor in a copy of the program; returns when it has ended. */
static void in_child(void (*child)(int fd), int fd)
{
    fflush(stdout);
    if (fork() == 0) {
        child(fd);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

static void child_reads(int fd)
{
    char bytes[4] = "";

    read(fd, bytes, 3);
    tell_text("fork", "the child reads", bytes);
}

static void child_writes(int fd)
{
    write(fd, "CHILD", 5);
    tell("fork", "the child closes", close(fd));
}

static void child_seeks(int fd)
{
    tell_count("fork", "the child seeks", lseek(fd, 1, SEEK_SET));
}

static void child_opens(int fd)
{
    int own = open(name_a, O_RDWR);

    close(fd);
    tell_count("fork", "one that the child opens starts at 0", lseek(own, 0, SEEK_CUR));
    lseek(own, 7, SEEK_SET);
    ftruncate(own, 4);
    unlink(name_a);
}

static void tell_fork(void)
{
    char bytes[16] = "";
    int fd;

    make_file(name_a, "abcdefghij");
    fd = open(name_a, O_RDWR);
    read(fd, bytes, 2);
    in_child(child_reads, fd);
    tell_count("fork", "the offset is shared", lseek(fd, 0, SEEK_CUR));
    in_child(child_seeks, fd);
    tell_count("fork", "it moves back too", lseek(fd, 0, SEEK_CUR));
    in_child(child_writes, fd);
    tell_count("fork", "behind what the child wrote", write(fd, "!", 1));
    tell_contents("fork", "contents", name_a);
    in_child(child_opens, fd);
    tell_count("fork", "an offset of the child's own is not ours", lseek(fd, 0, SEEK_CUR));
    tell_count("fork", "what the child cut and unlinked", pread(fd, bytes, 15, 0));
    close(fd);
}

/* --- shared memory by name --- */
static void child_fills(int fd)
{
    char *memory = mmap(NULL, 5000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    memory[4999] = 'z';
}

static void tell_shared_memory(void)
{
    static char long_name[400];
    char name[60], below[80], byte = 0;
    int fd, reader;

    snprintf(name, sizeof name, "/files-test-%d", (int)getpid());
    snprintf(below, sizeof below, "%s/a", name);
    snprintf(long_name, sizeof long_name, "/%0300d", 0);
    tell("shm", "missing", shm_open(name, O_RDWR, 0600));
    tell("shm", "unlink, missing", shm_unlink(name));
    tell("shm", "empty name", shm_open("", O_RDWR | O_CREAT, 0600));
    tell("shm", "a slash alone", shm_open("/", O_RDWR | O_CREAT, 0600));
    tell("shm", "a slash inside", shm_open(below, O_RDWR | O_CREAT, 0600));
    tell("shm", "name too long", shm_open(long_name, O_RDWR | O_CREAT, 0600));
    tell("shm", "unlink, name too long", shm_unlink(long_name));
    tell("shm", "unlink, empty name", shm_unlink(""));
    fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    tell("shm", "new", fd < 0 ? -1 : 0);
    tell("shm", "new again", shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
    tell("shm", "sized", ftruncate(fd, 5000));
    in_child(child_fills, fd);
    reader = shm_open(name + 1, O_RDONLY, 0);
    tell_count("shm", "read by another descriptor", pread(reader, &byte, 1, 4999));
    tell_value("shm", "what a child put there", byte);
    tell("shm", "unlink", shm_unlink(name));
    tell("shm", "gone", shm_open(name, O_RDWR, 0600));
    byte = 0;
    tell_count("shm", "open ones stay", pread(fd, &byte, 1, 4999));
    close(fd);
    close(reader);
}

int main(int argc, char **argv)
{
    static char buffer[4096];

    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    folder = argc > 1 ? argv[1] : "/tmp";
    snprintf(name_a, sizeof name_a, "%s/files_a", folder);
    snprintf(name_b, sizeof name_b, "%s/files_b", folder);
    snprintf(name_c, sizeof name_c, "%s/files_c", folder);
    tell_opens();
    tell_paths();
    tell_descriptors();
    tell_duplicates();
    tell_offsets();
    tell_big();
    tell_sizes();
    tell_unlinked();
    tell_renamed();
    tell_fork();
    tell_shared_memory();
    unlink(name_a);
    unlink(name_b);
    unlink(name_c);
    return 0;
}
