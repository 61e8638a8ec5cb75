package output

import (
	"bytes"
	"cmp"
	"slices"
)

// failureStatus says what a Status or SubStatus of one of the logon events means; "" for success, other events and what is not known.
func failureStatus(id uint32, value []byte) string {
	digits, ok := bytes.CutPrefix(value, []byte("0x"))
	code, isNumber := hexadecimal(digits)
	if !ok || !isNumber {
		return ""
	}
	switch {
	case id == 4625 || id == 4776:
		return logonErrors.name(code)
	case id >= 4768 && id <= 4771 && code < uint64(len(kerberosErrors)):
		return kerberosErrors[code]
	}
	return ""
}

// statuses are names of codes, in their order.
type statuses []status

func (s statuses) name(code uint64) string {
	i, ok := slices.BinarySearchFunc(s, code, func(s status, code uint64) int { return cmp.Compare(s.code, code) })
	if !ok {
		return ""
	}
	return s[i].name
}

// logonErrors are the NTSTATUS values (MS-ERREF 2.3.1) that a logon fails with, in our words.
var logonErrors = statuses{
	{0xC0000022, "Access is denied"},
	{0xC000005E, "No logon server is available"},
	{0xC0000064, "The account does not exist"},
	{0xC000006A, "The password is wrong"},
	{0xC000006C, "The password does not meet the rules"},
	{0xC000006D, "The user name or the authentication is wrong"},
	{0xC000006E, "A restriction of the account forbids the logon"},
	{0xC000006F, "The account may not log on at this time"},
	{0xC0000070, "The account may not log on from this workstation"},
	{0xC0000071, "The password has expired"},
	{0xC0000072, "The account is disabled"},
	{0xC00000DC, "The account database was in the wrong state"},
	{0xC0000133, "The clocks of computer and domain controller differ too much"},
	{0xC000015B, "The account may not log on in this way at this machine"},
	{0xC000018A, "The computer has no trust secret"},
	{0xC000018B, "The domain has no account for the computer"},
	{0xC000018C, "The trust between two domains failed"},
	{0xC000018D, "The trust between computer and domain failed"},
	{0xC0000192, "The NetLogon service is not running"},
	{0xC0000193, "The account has expired"},
	{0xC0000199, "The account is a computer's"},
	{0xC0000224, "The password must be changed first"},
	{0xC0000225, "Not found"},
	{0xC0000234, "The account is locked out"},
	{0xC00002EE, "The authentication was not finished"},
	{0xC0000371, "The local account database holds no secret for the account"},
	{0xC0000380, "The smart card's PIN is wrong"},
	{0xC0000381, "The smart card is blocked"},
	{0xC0000388, "A downgrade attack was detected"},
	{0xC0000413, "An authentication firewall protects the machine"},
}

// kerberosErrors are the names of the KDC's errors by number (RFC 4120 7.5.9, RFC 4556 3.1.3).
var kerberosErrors = [...]string{
	1: "KDC_ERR_NAME_EXP", 2: "KDC_ERR_SERVICE_EXP", 3: "KDC_ERR_BAD_PVNO", 4: "KDC_ERR_C_OLD_MAST_KVNO", 5: "KDC_ERR_S_OLD_MAST_KVNO",
	6: "KDC_ERR_C_PRINCIPAL_UNKNOWN", 7: "KDC_ERR_S_PRINCIPAL_UNKNOWN", 8: "KDC_ERR_PRINCIPAL_NOT_UNIQUE", 9: "KDC_ERR_NULL_KEY",
	10: "KDC_ERR_CANNOT_POSTDATE", 11: "KDC_ERR_NEVER_VALID", 12: "KDC_ERR_POLICY", 13: "KDC_ERR_BADOPTION", 14: "KDC_ERR_ETYPE_NOSUPP",
	15: "KDC_ERR_SUMTYPE_NOSUPP", 16: "KDC_ERR_PADATA_TYPE_NOSUPP", 17: "KDC_ERR_TRTYPE_NOSUPP", 18: "KDC_ERR_CLIENT_REVOKED",
	19: "KDC_ERR_SERVICE_REVOKED", 20: "KDC_ERR_TGT_REVOKED", 21: "KDC_ERR_CLIENT_NOTYET", 22: "KDC_ERR_SERVICE_NOTYET",
	23: "KDC_ERR_KEY_EXPIRED", 24: "KDC_ERR_PREAUTH_FAILED", 25: "KDC_ERR_PREAUTH_REQUIRED", 26: "KDC_ERR_SERVER_NOMATCH",
	27: "KDC_ERR_MUST_USE_USER2USER", 28: "KDC_ERR_PATH_NOT_ACCEPTED", 29: "KDC_ERR_SVC_UNAVAILABLE", 31: "KRB_AP_ERR_BAD_INTEGRITY",
	32: "KRB_AP_ERR_TKT_EXPIRED", 33: "KRB_AP_ERR_TKT_NYV", 34: "KRB_AP_ERR_REPEAT", 35: "KRB_AP_ERR_NOT_US", 36: "KRB_AP_ERR_BADMATCH",
	37: "KRB_AP_ERR_SKEW", 38: "KRB_AP_ERR_BADADDR", 39: "KRB_AP_ERR_BADVERSION", 40: "KRB_AP_ERR_MSG_TYPE", 41: "KRB_AP_ERR_MODIFIED",
	42: "KRB_AP_ERR_BADORDER", 44: "KRB_AP_ERR_BADKEYVER", 45: "KRB_AP_ERR_NOKEY", 46: "KRB_AP_ERR_MUT_FAIL", 47: "KRB_AP_ERR_BADDIRECTION",
	48: "KRB_AP_ERR_METHOD", 49: "KRB_AP_ERR_BADSEQ", 50: "KRB_AP_ERR_INAPP_CKSUM", 51: "KRB_AP_PATH_NOT_ACCEPTED",
	52: "KRB_ERR_RESPONSE_TOO_BIG", 60: "KRB_ERR_GENERIC", 61: "KRB_ERR_FIELD_TOOLONG", 62: "KDC_ERR_CLIENT_NOT_TRUSTED",
	64: "KDC_ERR_INVALID_SIG", 65: "KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED", 66: "KDC_ERR_CERTIFICATE_MISMATCH", 67: "KRB_AP_ERR_NO_TGT",
	68: "KDC_ERR_WRONG_REALM", 69: "KRB_AP_ERR_USER_TO_USER_REQUIRED", 70: "KDC_ERR_CANT_VERIFY_CERTIFICATE",
	71: "KDC_ERR_INVALID_CERTIFICATE", 72: "KDC_ERR_REVOKED_CERTIFICATE", 73: "KDC_ERR_REVOCATION_STATUS_UNKNOWN",
	75: "KDC_ERR_CLIENT_NAME_MISMATCH",
}
