/* Prints its arguments exactly: one a line, quoted, with everything unprintable as \xHH. */
#include <stdio.h>

int main(int argc, char **argv)
{
    printf("argc=%d\n", argc);
    for (int i = 0; i < argc; i++) {
        printf("argv[%d]=\"", i);
        for (const unsigned char *c = (const unsigned char *)argv[i]; *c; c++)
            if (*c == '"' || *c == '\\')
                printf("\\%c", *c);
            else if (*c < 0x20 || *c > 0x7e)
                printf("\\x%02x", *c);
            else
                putchar(*c);
        printf("\"\n");
    }
    return argv[argc] ? 1 : 0;
}
