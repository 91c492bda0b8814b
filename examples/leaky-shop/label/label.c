/* Prints a parcel label from a record of the form: one byte of length, the name, the rest of the line the address. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LENGTH 40
#define RECORD_MAX 1024

struct label {
    char name[NAME_MAX_LENGTH];
    char address[200];
};

static int read_record(FILE *in, struct label *out)
{
    char record[RECORD_MAX];
    size_t got = fread(record, 1, sizeof record - 1, in);
    if (got < 2)
        return -1;
    record[got] = '\0';
    unsigned char length = (unsigned char)record[0];
    memcpy(out->name, record + 1, length);
    out->name[NAME_MAX_LENGTH - 1] = '\0';
    strcpy(out->address, record + 1 + length);
    return 0;
}

static int print_label(const char *printer, const struct label *label)
{
    char command[512];
    snprintf(command, sizeof command, "echo '%s' | lpr -P %s", label->address, printer);
    return system(command);
}

int main(int argc, char **argv)
{
    struct label label = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: %s RECORD PRINTER\n", argv[0]);
        return 2;
    }
    FILE *in = fopen(argv[1], "rb");
    if (in == NULL) {
        perror(argv[1]);
        return 1;
    }
    int status = read_record(in, &label);
    fclose(in);
    if (status != 0) {
        fprintf(stderr, "%s: too short\n", argv[1]);
        return 1;
    }
    printf("to: %s\n", label.name);
    return print_label(argv[2], &label) == 0 ? 0 : 1;
}
