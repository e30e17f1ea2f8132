/* What the number of an invariant stands for: its sentence, from the head comment of the header that has it.
 *
 * Tests run in the top folder; elsewhere nothing is found, and nothing is said.  A letter may stand in several
 * headers: all of their sentences are told, with their files. */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define INVARIANT_TEXT_BYTES 600u
#define INVARIANT_LINE_BYTES 200u
#define INVARIANT_HEAD       " *  "
#define INVARIANT_REST       " *      " /* a sentence goes on */

/* A letter and one or two digits. */
static bool invariant_is_number(const char *text)
{
    size_t length = strlen(text);

    return (length == 2 || length == 3) && isupper((unsigned char)text[0]) &&
           strspn(text + 1, "0123456789") == length - 1;
}

/* The sentence behind the number on a line, or NULL. */
static const char *invariant_find(const char *line, const char *number)
{
    size_t head = strlen(INVARIANT_HEAD), length = strlen(number);

    if (strncmp(line, INVARIANT_HEAD, head) != 0 || strncmp(line + head, number, length) != 0 ||
        line[head + length] != ' ')
        return NULL;
    return line + head + length + strspn(line + head + length, " ");
}

static void invariant_add(char *text, const char *part)
{
    size_t length = strlen(text), bytes = strcspn(part, "\n");

    snprintf(text + length, INVARIANT_TEXT_BYTES - length, "%s%.*s", length > 0 ? " " : "",
             (int)bytes, part);
}

static void invariant_search(const char *path, const char *number)
{
    char line[INVARIANT_LINE_BYTES], text[INVARIANT_TEXT_BYTES] = "";
    FILE *file = fopen(path, "r");

    while (file && fgets(line, sizeof line, file)) {
        const char *sentence = invariant_find(line, number);

        if (sentence)
            invariant_add(text, sentence);
        else if (*text && strncmp(line, INVARIANT_REST, strlen(INVARIANT_REST)) == 0)
            invariant_add(text, line + strlen(INVARIANT_REST));
        else if (*text)
            break;
    }
    if (file)
        fclose(file);
    if (*text)
        harness_note("%s of %s: %s", number, path, text);
}

void harness_explain(const char *text)
{
    static const char *const folders[] = {"mm", "user/pager/core", "tests/sim", "tests/unit"};

    for (size_t i = 0; invariant_is_number(text) && i < sizeof folders / sizeof *folders; i++) {
        DIR *folder = opendir(folders[i]);
        struct dirent *entry;
        char path[400];

        while (folder && (entry = readdir(folder))) {
            size_t length = strlen(entry->d_name);

            snprintf(path, sizeof path, "%s/%s", folders[i], entry->d_name);
            if (length > 2 && strcmp(entry->d_name + length - 2, ".h") == 0)
                invariant_search(path, text);
        }
        if (folder)
            closedir(folder);
    }
}
