# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the tests with programs that nobody here wrote share, over witness_lib.sh.

# nginx_serves WHO PORT...: nginx there, with the folder $TAP_TMP/www, on all addresses. Its process is TAP_PID.
nginx_serves()
{
	local who=$1 port conf=$TAP_TMP/nginx.conf temp
	shift
	{
		echo "daemon off; master_process off; pid $TAP_TMP/nginx.pid; error_log stderr;"
		echo 'events { }'
		echo 'http {'
		echo 'access_log off;'
		for temp in client_body proxy fastcgi uwsgi scgi; do
			echo "${temp}_temp_path $TAP_TMP/nginx.$temp;"
		done
		echo "server { root $TAP_TMP/www;"
		for port; do
			echo "listen $port; listen [::]:$port;"
		done
		echo '} }'
	} >"$conf"
	k_netns "$who"
	tap_background nginx ip netns exec "$K_NETNS" nginx -e stderr -p "$TAP_TMP" -c "$conf"
	tap_wait_until nginx_listens "$who" "$#" || tap_bail "nginx starts in $who" "$(<"$TAP_TMP/nginx.err")"
}

# As many sockets as ports of either kind.
nginx_listens()
{
	(($(k_in "$1" ss -Htln | wc -l) >= 2 * $2))
}

# Both ends of so many connections may close at once, so an end may come to its end by any way (RFC 9293, 3.6).
closed()
{
	k_wait "$((2 * $1))+" type=state 'after~^(CLOSE|TIME_WAIT)$'
}
