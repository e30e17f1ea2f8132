/* Run by system_test: are the arguments "", 1499 times 'x', "a b"? */
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 4 || argv[4] || strcmp(argv[0], "check_args") != 0)
        return 1;
    if (strcmp(argv[1], "") != 0 || strcmp(argv[3], "a b") != 0)
        return 2;
    return strlen(argv[2]) == 1499 && strspn(argv[2], "x") == 1499 ? 0 : 3;
}
