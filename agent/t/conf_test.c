/* SPDX-License-Identifier: PostgreSQL */
/*
 * conf_test.c - sftd.yaml: the product's options and defaults; mistakes are named with line and
 * column.
 */
#include "agent/conf.h"

#include "common/tap.h"

static struct conf c;
static char message[300];

static int
read_text(const char *text)
{
    message[0] = '\0';
    return conf_read(&c, text, strlen(text), message, sizeof message);
}

static void
defaults(void)
{
    is_int(read_text(""), 0, "an empty file");
    is_str(c.trusted_keys_file, "/var/lib/sftd/ssh_ca.pub", "TrustedUserCAKeysFile");
    is_str(c.principals_file, "/var/lib/sftd/principals/%u", "AuthorizedPrincipalsFile");
    is_str(c.enrollment_token_file, "/var/lib/sftd/enrollment.token", "EnrollmentTokenFile");
    is_str(c.token_file, "/var/lib/sftd/device.token", "TokenFile");
    is_str(c.server_file, "/var/lib/sftd/device.server", "ServerFile");
    is_str(c.sshd_config_file, "/etc/ssh/sshd_config", "SSHDConfigFile");
    is_int(c.ssh_port, 22, "SSHDPort");
    is_int(c.broker_access_port, 4421, "BrokerAccessPort");
    is_int(c.min_uid, 1000, "MinUID");
    ok(c.auto_enroll && c.allow_sudo && !c.disable_broker, "switches");
    ok(!c.canonical_name && c.labels_n == 0, "what is unset");
    conf_free(&c);
    is_int(read_text("# only a comment\n---\n"), 0, "only a comment");
    conf_free(&c);
}

static void
a_product_file(void)
{
    is_int(
        read_text(
            "---\n# CanonicalName: Specifies the name\nCanonicalName: \"web-01.example.com\"\n"
            "AltNames:\n  - web\n  - \"10.0.0.7\"\nAccessAddress: 10.0.0.7\nAccessInterface: eth0\n"
            "Bastion: bastion.example.com\nSSHDPort: 2222\nLogLevel: WARN\nAutoEnroll: false\n"
            "InitialURL: https://app.example.com\nForwardProxy: https://proxy:3128\n"
            "BrokerListenHost: 0.0.0.0\nBrokerListenPort: 4422\nDisableBroker: true\n"
            "Labels:\n  role: web\n  env.tier: \"prod & more\"\nTLSUseBundledCAs: true\n"
            "BufferFile: /var/lib/sftd/b\n"),
        0, "a file as the product's users have it");
    is_str(c.canonical_name, "web-01.example.com", "CanonicalName");
    is_int(c.alt_names_n, 2, "AltNames");
    is_str(c.alt_names[1], "10.0.0.7", "the second");
    is_int(c.labels_n, 2, "Labels");
    is_str(c.labels[1].key, "env.tier", "a label's name");
    is_str(c.labels[1].value, "prod & more", "and value");
    is_int(c.ssh_port, 2222, "SSHDPort");
    ok(!c.auto_enroll && c.disable_broker, "switches");
    conf_free(&c);
    is_int(read_text("Bastion:\nLabels:\nAltNames: ~\n"), 0, "options without a value are unset");
    ok(!c.bastion, "as they were");
    conf_free(&c);
}

static void
mistakes(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"AutoEnrol: true\n", "line 1, column 1: unknown key \"AutoEnrol\""},
        {"\n\nlogLevel: INFO\n", "line 3, column 1: unknown key \"logLevel\""},
        {"AutoEnroll: yes\n", "line 1, column 13: AutoEnroll has to be true or false"},
        {"SSHDPort: 0\n", "line 1, column 11: SSHDPort is not a number within its bounds"},
        {"SSHDPort: 65536\n", "line 1, column 11: SSHDPort is not"},
        {"SSHDPort: 0x16\n", "line 1, column 11: SSHDPort is not"},
        {"SSHDPort: [22]\n", "line 1, column 11: SSHDPort has to be a plain value"},
        {"MinUID: 0\n", "line 1, column 9: MinUID is not"},
        {"MinUID: 999\n", "line 1, column 9: MinUID is not"},
        {"TokenFile: device.token\n", "line 1, column 12: TokenFile has to be an absolute path"},
        {"TokenFile: /x/../y\n", "line 1, column 12: TokenFile has to be"},
        {"TokenFile: \"/a b\"\n", "line 1, column 12: TokenFile has to be"},
        {"CanonicalName: \"a b\"\n", "line 1, column 16: CanonicalName is not a host name"},
        {"CanonicalName: -oProxyCommand=x\n",
         "line 1, column 16: CanonicalName is not a host name"},
        {"AltNames: web\n", "line 1, column 11: AltNames has to be a list"},
        {"AltNames:\n- a;b\n", "line 2, column 3: AltNames: not a host name"},
        {"Labels:\n- a\n", "line 2, column 1: Labels has to be a mapping"},
        {"Labels:\n  a:\n    b: c\n", "line 3, column 5: a has to be a plain value"},
        {"Labels:\n  \"a b\": c\n", "line 2, column 3: Labels: not a label's name"},
        {"LogLevel: INFO\nLogLevel: WARN\n", "line 2, column 1: LogLevel is given twice"},
        {"LogLevel: LOUD\n", "LogLevel has to be WARN, INFO or DEBUG"},
        {"AuthorizedPrincipalsFile: /x/y\n",
         "AuthorizedPrincipalsFile has to be a folder and \"/%u\""},
        {"AuthorizedPrincipalsFile: /x/%h/%u\n", "AuthorizedPrincipalsFile has to be"},
        {"- a\n", "line 1, column 1: expected"},
        {"just words\n", "line 1, column 1: expected"},
        {"LogLevel: b: c\n", "line 1, column 12: "},
        {"\tLogLevel: INFO\n", "line 1, column "},
        {"LogLevel: &x INFO\n", "line 1, column 11: LogLevel has to be a plain value"},
        {"LogLevel: INFO\n---\nLogLevel: INFO\n", "line 2, column 1: only one document"},
        {"LogLevel: \"IN\\nFO\"\n", "line 1, column 11: LogLevel has to be one line"},
        {"LogLevel: \"IN\\0FO\"\n", "line 1, column 11: LogLevel is too long or holds a NUL"},
        {"LogLevel: \xff\n", "line 1, column "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char what[400];
        int err = read_text(rows[i].text);
        snprintf(what, sizeof what, "refused: %s", message);
        ok(err != 0 && strncmp(message, rows[i].says, strlen(rows[i].says)) == 0, what);
    }
}

int
main(void)
{
    defaults();
    a_product_file();
    mistakes();
    is_int(conf_load(&c, "/nonexistent/sftd.yaml", false, message, sizeof message), 0,
           "a missing file is all defaults");
    conf_free(&c);
    ok(conf_load(&c, "/nonexistent/sftd.yaml", true, message, sizeof message) != 0,
       "but not when it was asked for by name");
    return done_testing();
}
