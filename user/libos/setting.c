/* Owns the calls about settings of the pager. */
#include "libos.h"

#include <errno.h>
#include <faultline/setting.h>
#include <string.h>

/* Copies the text of the last answer, `length` bytes, cut to fit. */
static void setting_take_text(char *text, size_t bytes, size_t length)
{
    if (bytes == 0)
        return;
    if (length >= bytes)
        length = bytes - 1;
    libos_answer_bytes(text, length);
    text[length] = '\0';
}

/* A name, and behind it a value or nothing. */
struct setting_text {
    char byte[FL_PROTOCOL_BYTES];
    size_t name;
    size_t value;
};

static int setting_take_name(struct setting_text *text, const char *name)
{
    int error = libos_check_string(name, sizeof text->byte / 2, &text->name);

    if (!error)
        memcpy(text->byte, name, text->name);
    return error == ENAMETOOLONG ? ENOENT : error;
}

static int setting_take_value(struct setting_text *text, const char *value)
{
    int error = libos_check_string(value, sizeof text->byte / 2, &text->value);

    if (!error && text->value > 0)
        memcpy(text->byte + text->name, value, text->value);
    return error == ENAMETOOLONG || (!error && text->value == 0) ? EINVAL : error;
}

static int setting_call(const struct setting_text *text, size_t *length)
{
    struct libos_call call = {.word = {text->name, text->value},
                              .bytes = text->byte,
                              .byte_count = text->name + text->value};
    int error = libos_call_pager(PAGER_SETTING, &call);

    *length = call.word[1];
    return error;
}

int faultline_setting_read(const char *name, char *value, size_t bytes)
{
    struct setting_text text = {.value = 0};
    size_t length;
    int error = libos_check_write(value, bytes);

    if (!error)
        error = setting_take_name(&text, name);
    if (!error)
        error = setting_call(&text, &length);
    if (!error)
        setting_take_text(value, bytes, length);
    return libos_result(error);
}

int faultline_setting_write(const char *name, const char *value)
{
    struct setting_text text = {.value = 0};
    size_t length;
    int error = setting_take_name(&text, name);

    if (!error)
        error = setting_take_value(&text, value);
    if (!error)
        error = setting_call(&text, &length);
    return libos_result(error);
}

int faultline_setting_name(unsigned index, char *name, size_t bytes)
{
    struct libos_call call = {.word = {index}};
    int error = libos_check_write(name, bytes);

    if (!error)
        error = libos_call_pager(PAGER_SETTING_NAME, &call);
    if (!error)
        setting_take_text(name, bytes, call.word[1]);
    return libos_result(error);
}
