Ju®B¶üA•BAÅËA•B'ÎA ,#B¤BÑ¨B #öAC!B{•ÈAÿ¦!B3}B8…
BLäACnB.9âAýÂ5B?*B¦¬%Båe BA)BÙB {ãA”îBG~BâµõADmÙA‘H¯AVY-B«/BÙ§B.ü÷Aqô$B•eîA