/* The system's resolver, but for some names. One has its addresses in a file, in that order, or nowhere, and each question leaves a byte beside it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    resolver *system = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
    /* A server of names that takes questions and says nothing. */
    if (name != NULL && strlen(name) > 7 && strcmp(name + strlen(name) - 7, ".silent") == 0) {
        sleep(30);
        return EAI_AGAIN;
    }
    if (name == NULL || strcmp(name, "legacy.moving") != 0)
        return system(name, service, hints, found);

    FILE *asked = fopen(getenv("NAMES_ASKED"), "a");
    if (asked != NULL) {
        fputc('.', asked);
        fclose(asked);
    }

    FILE *file = fopen(getenv("NAMES_FILE"), "r");
    if (file == NULL)
        return EAI_NONAME;
    char address[64];
    struct addrinfo **end = found;
    *end = NULL;
    while (fscanf(file, "%63s", address) == 1 && system(address, service, hints, end) == 0)
        while (*end != NULL)
            end = &(*end)->ai_next;
    fclose(file);
    return *found != NULL ? 0 : EAI_NONAME;
}
