/* What streams over files do, a line a case: "group | case | answer".  The same source runs on Linux, and
 * files_test.py compares the two.
 * usage: streams FOLDER */
#include "answers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES 3000 /* more than any buffer holds */

static char path[100], other[120];

static void tell_file(const char *text)
{
    char bytes[60] = "";
    int fd = open(path, O_RDONLY);
    ssize_t count = read(fd, bytes, sizeof bytes - 1);

    for (ssize_t i = 0; i < count; i++)
        bytes[i] = bytes[i] == '\n' ? '/' : bytes[i] ? bytes[i] : '.';
    tell_text("streams", text, fd < 0 ? "missing" : bytes);
    close(fd);
}

static void tell_open(const char *text, const char *name, const char *mode)
{
    FILE *file = fopen(name, mode);

    tell("streams", text, file ? 0 : -1);
    if (file)
        fclose(file);
}

static void tell_modes(void)
{
    FILE *file;

    tell_open("r of nothing", path, "r");
    tell_open("r+ of nothing", path, "r+");
    tell_open("a bad mode", path, "z");
    file = fopen(path, "w");
    fprintf(file, "one %d\n", 1);
    fputs("two\n", file);
    tell_file("w: nothing is there before a flush");
    tell_value("streams", "w: where it is", ftell(file));
    fflush(file);
    tell_file("w: after a flush");
    fputs("three\n", file);
    tell("streams", "w: closed", fclose(file));
    tell_file("w: after the end");
    file = fopen(path, "a");
    fputs("four\n", file);
    tell_value("streams", "a: where it is", ftell(file));
    fclose(file);
    tell_file("a: at the end");
    tell_open("wx of what is there", path, "wx");
    tell_open("w again", path, "w");
    tell_file("w again: empty");
    snprintf(other, sizeof other, "%s/a", path);
    tell_open("r below a file", other, "r");
    snprintf(other, sizeof other, "%sb", path);
    unlink(other);
    tell_open("wx of nothing", other, "wx");
    tell("streams", "rename", rename(other, path));
    tell("streams", "remove", remove(path));
    tell("streams", "remove again", remove(path));
}

static void tell_update(void)
{
    char line[40] = "";
    FILE *file = fopen(path, "w+");

    fputs("abcdefgh\nsecond\n", file);
    rewind(file);
    tell_text("streams", "w+: what was written is read",
              strtok(fgets(line, sizeof line, file), "\n"));
    fseek(file, 2, SEEK_SET);
    fputs("XY", file);
    fseek(file, 0, SEEK_CUR);
    tell_value("streams", "w+: next byte", fgetc(file));
    fclose(file);
    tell_file("w+: contents");
    file = fopen(path, "r+");
    tell_value("streams", "r+: first byte", fgetc(file));
    fseek(file, -3, SEEK_END);
    fputs("!!", file);
    tell_value("streams", "r+: where it is", ftell(file));
    fseek(file, 1, SEEK_SET);
    tell_value("streams", "r+: second byte", fgetc(file));
    fseek(file, 0, SEEK_CUR);
    fputc('Z', file);
    fclose(file);
    tell_file("r+: contents");
    file = fopen(path, "a+");
    tell_value("streams", "a+: first byte", fgetc(file));
    fseek(file, 0, SEEK_SET);
    fputs("end", file);
    fflush(file);
    fseek(file, 2, SEEK_SET);
    tell_value("streams", "a+: third byte", fgetc(file));
    fclose(file);
    tell_file("a+: contents");
}

static void tell_much(void)
{
    FILE *file = fopen(path, "w");
    char line[40];
    long lines = 0, sum = 0, number;

    for (int i = 0; i < LINES; i++)
        fprintf(file, "line %d of many\n", i);
    tell("streams", "many lines", fclose(file));
    file = fopen(path, "r");
    while (fgets(line, sizeof line, file)) {
        lines++;
        sum += sscanf(line, "line %ld of many", &number) == 1 ? number : 0;
    }
    tell_value("streams", "lines read", lines);
    tell_value("streams", "their numbers", sum);
    tell_value("streams", "end of file", feof(file) != 0);
    tell_value("streams", "size", ftell(file));
    fclose(file);
}

static void tell_errors(void)
{
    FILE *file = fopen("/dev/null", "w");

    tell_value("streams", "/dev/null takes all", fputs("text", file) >= 0 && fclose(file) == 0);
    file = fopen(path, "r");
    errno = 0;
    tell_value("streams", "write to a reader", fputc('x', file) == EOF);
    fclose(file);
}

int main(int argc, char **argv)
{
    static char buffer[4096];
    const char *folder = argc > 1 ? argv[1] : "/tmp";

    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    snprintf(path, sizeof path, "%s/streams_a", folder);
    unlink(path);
    tell_modes();
    tell_update();
    tell_much();
    tell_errors();
    unlink(path);
    return 0;
}
