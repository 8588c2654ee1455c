// Renders templates with Apache Velocity 1.7, for the differential test. Reads one template a line, in Base64; answers each with a
// line: "ok" and the result in Base64, or "error" and the name of the exception.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.velocity.VelocityContext;
import org.apache.velocity.app.VelocityEngine;

public final class Driver {
    public static void main(String[] arguments) throws Exception {
        VelocityEngine engine = new VelocityEngine();
        engine.setProperty("runtime.log.logsystem.class", "org.apache.velocity.runtime.log.NullLogChute");
        engine.setProperty("directive.foreach.maxloops", "1000");
        engine.init();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String template = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8);
            StringWriter result = new StringWriter();
            try {
                engine.evaluate(new VelocityContext(), result, "template", template);
                out.println("ok " + Base64.getEncoder().encodeToString(result.toString().getBytes(StandardCharsets.UTF_8)));
            } catch (Throwable thrown) {
                out.println("error " + thrown.getClass().getSimpleName());
            }
        }
    }
}
