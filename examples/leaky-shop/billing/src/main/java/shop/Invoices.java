package shop;

import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.security.GeneralSecurityException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;

/** Invoices of the shop: search, archive and credit notes. */
public final class Invoices {
    private final Connection connection;
    private final SecretKey archiveKey;

    public Invoices(Connection connection, SecretKey archiveKey) {
        this.connection = connection;
        this.archiveKey = archiveKey;
    }

    public List<String> byCustomer(String email) throws SQLException {
        List<String> numbers = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT number FROM invoices WHERE email = '" + email + "'")) {
            while (rows.next()) {
                numbers.add(rows.getString(1));
            }
        }
        return numbers;
    }

    public long amount(String number) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT cents FROM invoices WHERE number = ?")) {
            statement.setString(1, number);
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next() ? rows.getLong(1) : 0;
            }
        }
    }

    public Object readUpload(InputStream upload) throws IOException, ClassNotFoundException {
        try (ObjectInputStream stream = new ObjectInputStream(upload)) {
            return stream.readObject();
        }
    }

    public byte[] seal(byte[] document) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("DES/ECB/PKCS5Padding");
        cipher.init(Cipher.ENCRYPT_MODE, archiveKey);
        return cipher.doFinal(document);
    }

    /** Writes a credit note over a part of an invoice. */
    public void credit(String number, long cents) throws SQLException {
        if (cents <= 0 || cents > amount(number)) {
            throw new IllegalArgumentException("the amount does not fit the invoice");
        }
        try (PreparedStatement statement =
                connection.prepareStatement("INSERT INTO credits (number, cents) VALUES (?, ?)")) {
            statement.setString(1, number);
            statement.setLong(2, cents);
            statement.executeUpdate();
        }
    }
}
