/*
 * bench-cost COMMAND…: runs it with its output thrown away and prints processor seconds and peak
 * KiB. A program of its own because the peak of a child counts what its parent had in memory when
 * it was born.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    struct rusage usage;
    int status;
    pid_t child;

    if (argc < 2)
        return 2;
    child = fork();
    if (child < 0)
        return 1;
    if (child == 0) {
        int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(sink, STDOUT_FILENO);
        dup2(sink, STDERR_FILENO);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    if (wait4(child, &status, 0, &usage) < 0)
        return 1;
    printf("%.6f %ld\n",
           (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
               ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) / 1e6,
           usage.ru_maxrss);
    return 0;
}
