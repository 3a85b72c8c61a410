import java.io.FileInputStream;
import java.net.Socket;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.X509CertSelector;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import javax.net.ssl.CertPathTrustManagerParameters;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * A TLS client on JSSE: verifies chain and host name. Arguments: CA file, host name, address, port...
 *
 * The environment's CLIENT_CLOCK, in seconds of the epoch, is what it takes for the time.
 */
public class JsseClient {
    public static void main(String[] arguments) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            int number = 0;
            for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
                store.setCertificateEntry("root" + number++, one);
            }
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        PKIXBuilderParameters path = new PKIXBuilderParameters(store, new X509CertSelector());
        path.setRevocationEnabled(false);
        String clock = System.getenv("CLIENT_CLOCK");
        if (clock != null) {
            path.setDate(new Date(Long.parseLong(clock) * 1000));
        }
        trust.init(new CertPathTrustManagerParameters(path));
        List<Thread> threads = new ArrayList<>();
        for (int at = 3; at < arguments.length; at++) {
            int port = Integer.parseInt(arguments[at]);
            Thread thread = new Thread(() -> connect(trust, arguments[1], arguments[2], port));
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private static void connect(TrustManagerFactory trust, String host, String address, int port) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            Socket plain = new Socket(address, port);
            try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, host, port, true)) {
                SSLParameters parameters = socket.getSSLParameters();
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                socket.setSSLParameters(parameters);
                socket.startHandshake();
                socket.getOutputStream().write("hello\n".getBytes());
            }
        } catch (java.io.IOException | java.security.GeneralSecurityException refused) {
            System.err.println(port + ": " + refused);
        }
    }
}
