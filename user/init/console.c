/* Owns the console: its mode, the line being edited, the state of the input decoder.  See console.h
 * for C1 and C2. */
#include "console.h"

#include <string.h>

#include "console_frame.h"
#include "console_line.h"
#include "fl_calls.h"
#include "protocol.h"
#include "slots.h"

#define CONSOLE_PIECE_BYTES   FL_PROTOCOL_BYTES /* most that one call writes */
#define CONSOLE_PAYLOAD_BYTES (CONSOLE_PIECE_BYTES - CONSOLE_HEADER_BYTES) /* of a frame: C1 */
#define CONSOLE_INPUT_BYTES   256u
_Static_assert(CONSOLE_STATUS_BYTES <= CONSOLE_PIECE_BYTES, "C1");

enum console_mode { CONSOLE_PLAIN, CONSOLE_INTERACTIVE, CONSOLE_RUN };

static struct {
    enum console_mode mode;
    const char *nonce;
    bool has_driver;
    struct console_line line;
    struct console_escape escape;
    /* What the driver gave and nobody has read yet. */
    struct {
        uint8_t bytes[CONSOLE_INPUT_BYTES];
        size_t count;
        size_t taken;
    } input;
    uint64_t lost; /* as the driver last said */
    uint64_t lost_told;
} console;

void console_init(const char *nonce)
{
    console.nonce = nonce;
    console.mode = *nonce ? CONSOLE_RUN : CONSOLE_INTERACTIVE;
}

bool console_is_run_mode(void)
{
    return console.mode == CONSOLE_RUN;
}

static char *console_buffer(void)
{
    return (char *)(uintptr_t)(FL_BUFFER + FL_BUFFER_DATA);
}

/* --- the driver --------------------------------------------------------------------------------
 */

void console_use_driver(void)
{
    console.has_driver = true;
}

bool console_has_driver(void)
{
    return console.has_driver;
}

/* `bytes` travel in the buffer.  A driver that does not do what it is asked for is not asked again:
 * the firmware's console needs nobody. */
static struct fl_message console_ask(enum console_call call, uint64_t word, size_t bytes)
{
    const uint32_t label = FL_PROTOCOL_LABEL(CONSOLE_VERSION, call);
    const uint64_t words = 4 + (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    struct fl_message answer = fl_ipc_call(SLOT_CONSOLE_ROOT, FL_INFO(label, words), word, 0, 0, 0);

    if (answer.status != FL_OK || answer.word[0] != 0)
        console.has_driver = false;
    return answer;
}

void console_flush(void)
{
    if (console.has_driver)
        (void)console_ask(CONSOLE_FLUSH, 0, 0);
}

/* A console that refuses bytes leaves nowhere to say so: the status is dropped. */
static void console_write_buffer(size_t bytes)
{
    if (console.has_driver)
        (void)console_ask(CONSOLE_WRITE, bytes, bytes);
    if (!console.has_driver)
        (void)flr_system_console_write(FL_BOOT_SYSTEM, bytes);
}

/* --- output ------------------------------------------------------------------------------------
 */

static void console_write_raw(const char *bytes, size_t count)
{
    while (count > 0) {
        size_t piece = count < CONSOLE_PIECE_BYTES ? count : CONSOLE_PIECE_BYTES;

        memcpy(console_buffer(), bytes, piece);
        console_write_buffer(piece);
        bytes += piece;
        count -= piece;
    }
}

/* Writes CR NL for each NL. */
static void console_write_lines(const char *bytes, size_t count)
{
    char *out = console_buffer();
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        if (used + 2 > CONSOLE_PIECE_BYTES) {
            console_write_buffer(used);
            used = 0;
        }
        if (bytes[i] == '\n')
            out[used++] = '\r';
        out[used++] = bytes[i];
    }
    if (used > 0)
        console_write_buffer(used);
}

void console_write_text(const char *text, size_t bytes)
{
    if (console.mode == CONSOLE_INTERACTIVE)
        console_write_lines(text, bytes);
    else
        console_write_raw(text, bytes);
}

static void console_write_frame(unsigned fd, const char *bytes, size_t count)
{
    size_t header = console_frame_header(console_buffer(), console.nonce, fd, count);

    memcpy(console_buffer() + header, bytes, count);
    console_write_buffer(header + count);
}

void console_write_program(unsigned fd, const char *bytes, size_t count)
{
    if (console.mode != CONSOLE_RUN) {
        console_write_text(bytes, count);
        return;
    }
    while (count > 0) {
        size_t piece = count < CONSOLE_PAYLOAD_BYTES ? count : CONSOLE_PAYLOAD_BYTES;

        console_write_frame(fd, bytes, piece);
        bytes += piece;
        count -= piece;
    }
}

void console_report_status(uint32_t status)
{
    char frame[CONSOLE_STATUS_BYTES];

    if (console.mode == CONSOLE_RUN)
        console_write_raw(frame, console_frame_status(frame, console.nonce, status));
}

void console_report_failure(const char *reason)
{
    char frame[CONSOLE_STATUS_BYTES];

    if (console.mode == CONSOLE_RUN)
        console_write_raw(frame, console_frame_failed(frame, console.nonce, reason));
}

/* --- input -------------------------------------------------------------------------------------
 */

/* Returns: false if the driver has nothing. */
static bool console_fetch_input(void)
{
    struct fl_message answer = console_ask(CONSOLE_READ, CONSOLE_INPUT_BYTES, 0);

    if (!console.has_driver || answer.word[1] > CONSOLE_INPUT_BYTES)
        return false;
    memcpy(console.input.bytes, console_buffer(), answer.word[1]);
    console.input.taken = 0;
    console.input.count = answer.word[1];
    console.lost = answer.word[2];
    return console.input.count > 0;
}

uint64_t console_take_losses(void)
{
    uint64_t losses = console.lost - console.lost_told;

    console.lost_told = console.lost;
    return losses;
}

/* One byte of input, or false. */
static bool console_next_byte(uint8_t *byte)
{
    struct fl_result result;

    if (console.has_driver) {
        if (console.input.taken == console.input.count && !console_fetch_input())
            return false;
        *byte = console.input.bytes[console.input.taken++];
        return true;
    }
    result = flr_system_console_read(FL_BOOT_SYSTEM);

    if (result.status != FL_OK || result.value == FL_CONSOLE_EMPTY)
        return false;
    *byte = (uint8_t)result.value;
    return true;
}

static void console_show(struct console_echo echo)
{
    for (uint32_t i = 0; i < echo.erase; i++)
        console_write_text("\b \b", 3);
    if (echo.byte)
        console_write_text(&echo.byte, 1);
}

static enum console_input console_read_line(char *out, size_t wanted, size_t *count)
{
    uint8_t byte;

    while (!console.line.committed && console_next_byte(&byte))
        console_show(console_line_feed(&console.line, byte));
    if (!console.line.committed)
        return CONSOLE_NOTHING;
    *count = console_line_take(&console.line, out, wanted);
    return *count > 0 ? CONSOLE_BYTES : CONSOLE_END_OF_FILE;
}

static enum console_input console_read_escaped(char *out, size_t wanted, size_t *count)
{
    uint8_t byte;

    *count = 0;
    while (*count < wanted && !console.escape.ended && console_next_byte(&byte))
        *count += console_escape_feed(&console.escape, byte, &out[*count]);
    if (*count > 0)
        return CONSOLE_BYTES;
    return console.escape.ended ? CONSOLE_END_OF_FILE : CONSOLE_NOTHING;
}

enum console_input console_read(char *out, size_t wanted, size_t *count)
{
    *count = 0;
    if (console.mode == CONSOLE_RUN)
        return console_read_escaped(out, wanted, count);
    return console_read_line(out, wanted, count);
}
