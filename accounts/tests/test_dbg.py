import threading
from concurrent.futures import ThreadPoolExecutor
from accounts.services import limits
from accounts.services.limits import Limit, spend
from accounts.errors import RateLimited
def test_x(db, monkeypatch):
    class D(dict):
        lost=0; sets=0
        def __setitem__(self,k,v):
            D.sets+=1
            if k in self and self[k].uses>0: D.lost+=self[k].uses
            super().__setitem__(k,v)
    monkeypatch.setattr(limits,"_purses",D())
    def passes(limit):
        try: spend(limit,"a")
        except RateLimited: return False
        return True
    c=60000
    limit, together = Limit("parallel", c, 60), threading.Barrier(20)
    def f():
        together.wait(timeout=10)
        return sum(passes(limit) for _ in range(2*c//20))
    with ThreadPoolExecutor(20) as pool:
        print(c, sum(x.result() for x in [pool.submit(f) for _ in range(20)]), D.lost, D.sets)
