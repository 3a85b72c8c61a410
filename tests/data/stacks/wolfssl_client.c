/* A TLS client on wolfSSL: verifies chain and host name. Arguments: CA file, host name, address, port. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

int main(int argc, char **argv) {
    struct sockaddr_in place = {.sin_family = AF_INET};
    WOLFSSL_CTX *context;
    WOLFSSL *ssl;
    int net, result;
    if (argc != 5) return 2;
    wolfSSL_Init();
    context = wolfSSL_CTX_new(wolfSSLv23_client_method());
    if (context == NULL) return 2;
    /* Some of the system's roots have keys that this build does not know. */
    if (wolfSSL_CTX_load_verify_locations_ex(context, argv[1], NULL, WOLFSSL_LOAD_FLAG_IGNORE_ERR) != WOLFSSL_SUCCESS)
        return 2;
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, NULL);
    net = socket(AF_INET, SOCK_STREAM, 0);
    place.sin_port = htons((unsigned short)atoi(argv[4]));
    if (inet_pton(AF_INET, argv[3], &place.sin_addr) != 1) return 2;
    if (connect(net, (struct sockaddr *)&place, sizeof place) != 0) return 2;
    ssl = wolfSSL_new(context);
    if (ssl == NULL || wolfSSL_check_domain_name(ssl, argv[2]) != WOLFSSL_SUCCESS) return 2;
    wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, argv[2], (unsigned short)strlen(argv[2]));
    wolfSSL_set_fd(ssl, net);
    result = wolfSSL_connect(ssl);
    if (result == WOLFSSL_SUCCESS) wolfSSL_write(ssl, "hello\n", 6);
    wolfSSL_free(ssl);
    close(net);
    return result == WOLFSSL_SUCCESS ? 0 : 1;
}
