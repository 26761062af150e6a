/* The system's resolver, but for one name: its address stands in a file, or nowhere. Each question leaves a byte beside it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    resolver *system = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (name == NULL || strcmp(name, "legacy.moving") != 0)
        return system(name, service, hints, found);

    char address[64] = "";
    FILE *file = fopen(getenv("NAMES_FILE"), "r");
    if (file != NULL) {
        if (fgets(address, sizeof address, file) == NULL)
            address[0] = 0;
        fclose(file);
    }
    FILE *asked = fopen(getenv("NAMES_ASKED"), "a");
    if (asked != NULL) {
        fputc('.', asked);
        fclose(asked);
    }
    return address[0] != 0 ? system(address, service, hints, found) : EAI_NONAME;
}
