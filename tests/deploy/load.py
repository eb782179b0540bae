"""A client that asks and counts: load.py URL SECONDS CONNECTIONS ROWS [PAUSE]. Prints "N requests, N
failed"; whatever is not a whole 200 answer is a failure, also a connection that is cut."""
import http.client, sys, threading, time

url, seconds, connections, rows = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
pause = float(sys.argv[5]) if len(sys.argv) > 5 else 0
host = url.split("//")[1]
body = "sepal_length,sepal_width,petal_length,petal_width\n" + "5.1,3.5,1.4,0.2\n" * rows
end = time.time() + seconds
lock, asked, failed, whys = threading.Lock(), 0, 0, set()


def ask():
    global asked, failed
    c = http.client.HTTPConnection(host, timeout=30)
    while time.time() < end:
        why = None
        try:
            c.request("POST", "/api/v1/iris", body, {"Content-Type": "text/csv"})
            r = c.getresponse()
            text = r.read()
            if r.status != 200 or b"predictions" not in text:
                why = f"{r.status} {text[:80]}"
        except (OSError, http.client.HTTPException) as e:
            why = repr(e)
            c.close()
        with lock:
            asked += 1
            if why:
                failed += 1
                whys.add(why)
        if pause:
            time.sleep(pause)


threads = [threading.Thread(target=ask) for _ in range(connections)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(f"{asked} requests, {failed} failed")
for w in sorted(whys):
    print(" ", w)
