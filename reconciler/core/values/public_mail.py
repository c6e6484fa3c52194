"""Mail domains where everybody can get an address, so that no organization claims one and lets the public in.

Provenance: compiled by hand for this project on 2026-11-24, from what the providers themselves offer under
these names: free mail (the large ones with their national domains), mailboxes that internet access providers
give to their subscribers, and the best known throw-away addresses. No other list was copied. It is short on
purpose: it catches the usual slip, it does not replace asking who owns a domain. To add one, keep the order
(a test holds it) and the date above.
"""

from __future__ import annotations

PUBLIC_MAIL = frozenset(
    """
    012.net.il 10minutemail.com 126.com 139.com 163.com 188.com 189.cn 21cn.com 263.net a1.net abv.bg
    accountant.com aim.com alice.it aliceadsl.fr aliyun.com ameritech.net aol.co.uk aol.com aol.de aol.fr aol.it
    aon.at arcor.de arnet.com.ar asia.com atlas.cz att.net au.com autorambler.ru azet.sk bbox.fr bell.net
    bellsouth.net bezeqint.net bigfoot.com biglobe.ne.jp bigmir.net bigpond.com bigpond.net.au bk.ru blu.it
    bluewin.ch blueyonder.co.uk bol.com.br bredband.net broadpark.no btinternet.com btopenworld.com cableone.net
    care2.com casema.nl centrum.cz centrum.sk centurylink.net centurytel.net charter.net cheerful.com chello.at
    chello.nl citromail.hu ciudad.com.ar club-internet.fr cock.li cogeco.ca comcast.net comhem.se consultant.com
    countermail.com cox.net ctemplar.com daum.net dir.bg dispostable.com disroot.org docomo.ne.jp dodo.com.au
    dr.com duck.com earthlink.net elisanet.fi email.com email.cz email.de email.it embarqmail.com engineer.com
    europe.com excite.co.jp excite.com ezweb.ne.jp fastmail.co.uk fastmail.com fastmail.fm fastmail.net
    fastmail.org fastmail.us fastwebnet.it fibertel.com.ar foxmail.com free.fr freemail.gr freemail.hu
    freenet.de frontier.com frontiernet.net gawab.com gazeta.pl getmail.no getnada.com globo.com globomail.com
    gmail.com gmx.at gmx.ch gmx.co.uk gmx.com gmx.de gmx.es gmx.eu gmx.fr gmx.info gmx.net gmx.org gmx.us goo.jp
    googlemail.com guerrillamail.com guerrillamail.net guerrillamail.org hanmail.net hetnet.nl hey.com hinet.net
    hispeed.ch home.nl hot.ee hotbot.com hotmail.be hotmail.ca hotmail.ch hotmail.co.jp hotmail.co.uk
    hotmail.com hotmail.com.ar hotmail.com.au hotmail.com.br hotmail.com.mx hotmail.com.tr hotmail.de hotmail.dk
    hotmail.es hotmail.fi hotmail.fr hotmail.it hotmail.nl hotmail.no hotmail.se hush.ai hush.com hushmail.com
    i.softbank.jp i.ua icloud.com ig.com.br iinet.net.au in.gr iname.com inbox.com inbox.lt inbox.lv inbox.ru
    indamail.hu indiatimes.com infoseek.jp inode.at interia.eu interia.pl internet.ru internode.on.net inwind.it
    iol.it jubii.dk juno.com kabelmail.de kakao.com keemail.me kolabnow.com kolumbus.fi korea.com kpnmail.nl
    laposte.net lavabit.com lenta.ru libero.it list.ru live.be live.ca live.cl live.cn live.co.uk live.co.za
    live.com live.com.ar live.com.au live.com.mx live.com.pt live.de live.dk live.fr live.ie live.in live.it
    live.jp live.nl live.no live.se lovemail.com luukku.com lycos.com mac.com mail.bg mail.com mail.de mail.dk
    mail.ee mail.ru mail2world.com mailbox.org maildrop.cc mailfence.com mailhaven.com mailinator.com
    mailnesia.com maktoob.com me.com meta.ua mindspring.com mintemail.com mozmail.com
    msn.com mweb.co.za mynet.com myrambler.ru myself.com myyahoo.com narod.ru nate.com naver.com netscape.net
    netvigator.com netvision.net.il netzero.net neuf.fr ngs.ru nifty.com ntlworld.com numericable.fr o2.pl
    ocn.ne.jp ofir.dk oi.com.br one.lt onet.eu onet.pl online.de online.no ono.com op.pl optimum.net
    optonline.net optusnet.com.au orange.fr orcon.net.nz otenet.gr outlook.at outlook.be outlook.cl
    outlook.co.id outlook.co.il outlook.co.nz outlook.co.th outlook.com outlook.com.ar outlook.com.au
    outlook.com.br outlook.com.gr outlook.com.tr outlook.com.vn outlook.cz outlook.de outlook.dk outlook.es
    outlook.fr outlook.hu outlook.ie outlook.in outlook.it outlook.jp outlook.kr outlook.lv outlook.my
    outlook.ph outlook.pt outlook.sa outlook.sg outlook.sk pacbell.net pacific.net.sg passport.com pchome.com.tw
    planet.nl plusnet.com pm.me pobox.sk poczta.fm poczta.onet.pl post.com post.cz post.tele.dk poste.it
    posteo.at posteo.de posteo.eu posteo.net prodigy.net.mx proton.me protonmail.ch protonmail.com proximus.be
    q.com qq.com quicknet.nl r7.com rambler.ru rediff.com rediffmail.com riseup.net ro.ru roadrunner.com
    rocketmail.com rogers.com rr.com runbox.com safe-mail.net sapo.pt saunalahti.fi sbcglobal.net scarlet.be
    seed.net.tw sent.com seznam.cz sfr.fr sharklasers.com shaw.ca sify.com sina.cn sina.com singnet.com.sg
    skiff.com sky.com skynet.be slingshot.co.nz so-net.ne.jp softbank.ne.jp sohu.com sol.dk spamgourmet.com
    speedy.com.ar spray.se startmail.com suddenlink.net sunrise.ch suomi24.fi superonline.com swbell.net
    swissonline.ch sympatico.ca t-online.de t-online.hu talktalk.net tds.net techie.com telefonica.net
    telenet.be telia.com telkomsa.net telus.net temp-mail.org tempmail.com terra.com.br terra.es
    throwawaymail.com tim.it tin.it tiscali.co.uk tiscali.it tlen.pl tom.com tpg.com.au trashmail.com tut.by
    tuta.com tuta.de tuta.io tutamail.com tutanota.com tutanota.de twc.com ukr.net uol.com.br upcmail.nl usa.com
    usa.net utanet.at verizon.net videotron.ca vip.126.com vip.163.com vip.sina.com virgilio.it virginmedia.com
    vodafone.de vodamail.co.za voila.fr volny.cz vp.pl vsnl.net walla.co.il walla.com wanadoo.fr web.de
    webmail.co.za westnet.com.au windowslive.com windstream.net wo.cn wp.pl xmail.ru xs4all.nl xtra.co.nz ya.ru
    yahoo.at yahoo.be yahoo.bg yahoo.ca yahoo.ch yahoo.cl yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.kr
    yahoo.co.nz yahoo.co.th yahoo.co.uk yahoo.co.za yahoo.com yahoo.com.ar yahoo.com.au yahoo.com.br
    yahoo.com.cn yahoo.com.co yahoo.com.hk yahoo.com.mx yahoo.com.my yahoo.com.pe yahoo.com.ph yahoo.com.sg
    yahoo.com.tr yahoo.com.tw yahoo.com.ve yahoo.com.vn yahoo.cz yahoo.de yahoo.dk yahoo.es yahoo.fi yahoo.fr
    yahoo.gr yahoo.hu yahoo.ie yahoo.in yahoo.it yahoo.nl yahoo.no yahoo.pl yahoo.pt yahoo.ro yahoo.se yandex.by
    yandex.com yandex.kz yandex.ru yandex.ua yeah.net ymail.com yopmail.com yopmail.fr ziggo.nl zipmail.com.br
    zoho.com zoho.eu zoho.in zohomail.com zohomail.eu zohomail.in zoznam.sk
    """.split()  # noqa: SIM905 (as a list it would be six times as long and no clearer)
)
