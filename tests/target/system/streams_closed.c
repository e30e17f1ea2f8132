/* Run by system_test: a program that closes its streams and goes on printing ends normally. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    FILE *volatile out = stdout; /* or the compiler sees through this and refuses it */

    if (printf("# last words\n") < 0 || fclose(out))
        return 1;
    printf("nobody reads this\n");
    if (!fflush(stdout) && puts("nor this") >= 0 && !fflush(stdout))
        return 2;
    errno = 0;
    if (write(1, "x", 1) != -1 || errno != EBADF)
        return 3;
    close(2);
    fprintf(stderr, "nor this\n");
    return fclose(stdin) ? 4 : 0;
}
