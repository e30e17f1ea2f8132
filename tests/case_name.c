/* The name of the case that runs: see case_name.h. */
#define _POSIX_C_SOURCE 200809L
#include "case_name.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define CASE_PREFIX "# replay: "

static case_name_write *case_now;

/* What AddressSanitizer finds ends in its callback, what the other one finds and asserts in an abort. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "abort_on_error=1";
}

/* Once: what dies may come here on two ways. */
static void case_name_tell(void)
{
    char line[sizeof(CASE_PREFIX) + CASE_NAME_BYTES] = CASE_PREFIX;
    case_name_write *write_name = case_now;

    case_now = NULL;
    if (!write_name)
        return;
    write_name(line + strlen(line));
    strcat(line, "\n");
    if (write(STDOUT_FILENO, line, strlen(line)) < 0)
        _exit(1);
}

static void case_name_die(int number)
{
    case_name_tell();
    raise(number); /* by itself now: SA_RESETHAND */
}

/* Whatever check ended the test, in the middle of a case: says which it was. */
TEST_LAW("a case left in the middle")
{
    bool left = case_now != NULL;

    case_name_tell();
    return left;
}

void case_name_begin(case_name_write *write)
{
    const struct sigaction action = {.sa_handler = case_name_die, .sa_flags = (int)SA_RESETHAND};

    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(case_name_tell);
    else
        sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
    case_now = write;
}

void case_name_end(void)
{
    case_now = NULL;
}

static const char *case_variable; /* that asks for a case which was not found yet */

static void case_name_miss(void)
{
    if (!case_variable)
        return;
    harness_note("%s=%s names no case of this program", case_variable, getenv(case_variable));
    fflush(stdout);
    _exit(1);
}

const char *case_name_wanted(const char *variable)
{
    static bool asked;
    const char *wanted = getenv(variable);

    if (wanted && !asked) {
        asked = true;
        case_variable = variable;
        atexit(case_name_miss);
    }
    return wanted;
}

void case_name_found(void)
{
    case_variable = NULL;
}
